//! Runs a function on a packed batch: payloads back to back in, outputs back to back out.
//!
//! Nothing is allocated per message here: inputs are slices of the batch, outputs go straight to
//! the end of one growing buffer.

use crate::{context::Context, error::Error};

/// What became of each message, in the form of the world's `results`.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) payloads: Vec<u8>,
    pub(crate) ends: Vec<u32>,
    pub(crate) statuses: Vec<u8>,
}

const OUTPUT: u8 = 0;
const NOTHING: u8 = 1;
const FAILED: u8 = 2;

/// Runs `function` on each message of a batch, in order.
pub(crate) fn run(
    payloads: &[u8],
    ends: &[u32],
    context: &Context,
    function: impl Fn(&[u8], &Context, &mut Vec<u8>) -> Result<bool, Error>,
) -> Results {
    let mut results = Results {
        // Room for outputs a little longer than their inputs.
        payloads: Vec::with_capacity(payloads.len() + 16 * ends.len()),
        ends: Vec::with_capacity(ends.len()),
        statuses: Vec::with_capacity(ends.len()),
    };
    let mut start = 0;
    for (index, &end) in (0..).zip(ends) {
        let end = end as usize;
        context.begin_record(index);
        let outcome = match payloads.get(start..end) {
            Some(payload) => function(payload, context, &mut results.payloads),
            None => Err(Error::new(format!(
                "the host packed message {index} to end at byte {end} of {}",
                payloads.len()
            ))),
        };
        start = end;
        results.push(outcome, context);
    }
    context.end_records();
    results
}

impl Results {
    fn push(&mut self, outcome: Result<bool, Error>, context: &Context) {
        let status = match outcome {
            Ok(true) => OUTPUT,
            Ok(false) => NOTHING,
            Err(error) => {
                // What was written of the output before it failed.
                self.payloads.truncate(self.ends.last().map_or(0, |&end| end as usize));
                self.payloads.extend_from_slice(error.to_string().as_bytes());
                context.discard_effects();
                FAILED
            }
        };
        self.statuses.push(status);
        // A component's memory ends before this could overflow.
        self.ends.push(u32::try_from(self.payloads.len()).unwrap_or(u32::MAX));
    }

    /// Reads the results back: outputs, and errors' texts.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<Option<&[u8]>, &[u8]>> {
        let mut start = 0;
        self.ends.iter().zip(&self.statuses).map(move |(&end, &status)| {
            let payload = self.payloads.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            match status {
                OUTPUT => Ok(Some(payload)),
                NOTHING => Ok(None),
                _ => Err(payload),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::offline_context;

    fn echo(payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        outputs.extend_from_slice(payload);
        Ok(true)
    }

    #[test]
    fn outputs_stand_back_to_back() {
        let results = run(b"onetwo", &[3, 3, 6], &offline_context(), echo);
        assert_eq!(results.payloads, b"onetwo");
        assert_eq!(results.ends, [3, 3, 6]);
        assert_eq!(results.statuses, [OUTPUT; 3]);
    }

    #[test]
    fn an_empty_batch_has_empty_results() {
        let results = run(b"", &[], &offline_context(), echo);
        assert!(results.payloads.is_empty() && results.ends.is_empty());
        assert!(results.statuses.is_empty());
    }

    #[test]
    fn a_payload_that_ends_outside_the_batch_fails() {
        let results = run(b"onetwo", &[3, 9, 2], &offline_context(), echo);
        let results: Vec<_> = results.iter().collect();
        assert_eq!(results[0], Ok(Some(b"one".as_slice())));
        assert_eq!(results[1], Err(b"the host packed message 1 to end at byte 9 of 6".as_slice()));
        assert_eq!(results[2], Err(b"the host packed message 2 to end at byte 2 of 6".as_slice()));
    }
}
