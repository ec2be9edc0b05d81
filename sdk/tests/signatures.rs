//! Every input and output that a function may have.

use std::{collections::BTreeMap, num::ParseIntError};

use function_mesh_sdk::{
    Context, Error, FromPayload, Handler, IntoPayload, Json, function,
    testing::{Message, TestRunner},
};

fn outputs<K: 'static>(function: impl Handler<K> + 'static, inputs: &[&str]) -> Vec<String> {
    let mut runner = TestRunner::new(function);
    runner.send_batch(inputs.iter().map(Message::new));
    assert_eq!(runner.errors(), [] as [&str; 0]);
    runner.output_texts()
}

fn errors<K: 'static>(function: impl Handler<K> + 'static, inputs: &[&str]) -> Vec<String> {
    let mut runner = TestRunner::new(function);
    runner.send_batch(inputs.iter().map(Message::new));
    runner.errors().to_vec()
}

#[test]
fn takes_bytes_text_and_json() {
    assert_eq!(outputs(|input: &[u8]| input.len().to_string(), &["four"]), ["4"]);
    assert_eq!(outputs(|input: Vec<u8>| input, &["as it is"]), ["as it is"]);
    assert_eq!(outputs(|input: &str| input.to_uppercase(), &["é"]), ["É"]);
    assert_eq!(outputs(|input: String| input + "!", &["hello"]), ["hello!"]);
    let sum = |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>());
    assert_eq!(outputs(sum, &["[1, 2, 3]", "[]"]), ["6", "0"]);
}

#[test]
fn an_option_or_nothing_gives_fewer_outputs() {
    assert_eq!(outputs(|n: &str| (n > "1").then(|| n.to_owned()), &["1", "2", "3"]), ["2", "3"]);
    assert_eq!(outputs(|_: &str| (), &["1", "2"]), [] as [&str; 0]);
    let parse = |n: &str| n.parse::<u8>().map(|n| n.checked_sub(1).map(Json));
    assert_eq!(outputs(parse, &["0", "1"]), ["0"]);
}

#[test]
fn an_output_may_be_a_part_of_the_input() {
    fn first(input: &str) -> &str {
        input.split(' ').next().unwrap_or_default()
    }
    fn second(input: &[u8]) -> Option<&[u8]> {
        input.split(|byte| *byte == b' ').nth(1)
    }
    fn third<'a>(input: &'a str, context: &Context) -> Result<Option<&'a str>, Error> {
        context.info("looking");
        Ok(input.split(' ').nth(2))
    }
    fn fourth(input: &str) -> Result<&str, &'static str> {
        input.split(' ').nth(3).ok_or("no fourth word")
    }
    assert_eq!(outputs(first, &["a b c", ""]), ["a", ""]);
    assert_eq!(outputs(second, &["a b c", "a"]), ["b"]);
    assert_eq!(outputs(third, &["a b c", "a"]), ["c"]);
    assert_eq!(errors(fourth, &["a b c"]), ["no fourth word"]);
}

#[test]
fn static_and_owned_outputs() {
    fn constant(_: &str) -> &'static str {
        "same"
    }
    fn constant_bytes(_: Vec<u8>, _: &Context) -> Option<&'static [u8]> {
        Some(b"same")
    }
    assert_eq!(outputs(constant, &["a", "b"]), ["same", "same"]);
    assert_eq!(outputs(constant_bytes, &["a"]), ["same"]);
}

#[test]
fn what_cannot_be_read_fails_its_message_only() {
    let mut runner = TestRunner::new(|Json(n): Json<u32>| Json(n + 1));
    runner.send_batch(["1", "one", "3"]);
    assert_eq!(runner.output_texts(), ["2", "4"]);
    assert_eq!(
        runner.errors(),
        ["the input is not the expected JSON: expected value at line 1 column 1"]
    );
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing_behind() {
    /// Fails when half of it is written.
    struct Halves(String);
    impl IntoPayload for Halves {
        fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
            payload.extend_from_slice(b"half of ");
            if self.0 == "2" {
                Err(Error::new("no other half"))
            } else {
                self.0.write_payload(payload)
            }
        }
    }
    let mut runner = TestRunner::new(|n: String| Halves(n));
    runner.send_batch(["1", "2", "3"]);
    assert_eq!(runner.output_texts(), ["half of 1", "half of 3"]);
    assert_eq!(runner.errors(), ["no other half"]);
}

#[test]
fn a_map_without_text_keys_is_no_json() {
    let map = |_: &str| Json(BTreeMap::from([((1, 2), 3)]));
    assert_eq!(errors(map, &["x"]), ["the output cannot be written as JSON: key must be a string"]);
}

#[test]
fn types_of_ones_own() {
    struct Celsius(f64);
    impl FromPayload for Celsius {
        fn from_payload(payload: &[u8]) -> Result<Self, Error> {
            let text = std::str::from_utf8(payload).map_err(|_| Error::new("not text"))?;
            text.parse().map(Self).map_err(|_| Error::new(format!("no temperature: '{text}'")))
        }
    }
    struct Fahrenheit(f64);
    impl IntoPayload for Fahrenheit {
        fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
            format!("{:.1} F", self.0).write_payload(payload)
        }
    }
    let convert = |Celsius(c): Celsius| Fahrenheit(c * 1.8 + 32.0);
    assert_eq!(outputs(convert, &["100", "-40"]), ["212.0 F", "-40.0 F"]);
    assert_eq!(errors(convert, &["cold"]), ["no temperature: 'cold'"]);
}

#[test]
fn errors_of_any_type_with_display() {
    fn parse(input: &str) -> Result<Json<u8>, ParseIntError> {
        input.parse().map(Json)
    }
    fn boxed(input: &str) -> Result<String, Box<dyn std::error::Error>> {
        Err(format!("boxed {input}").into())
    }
    assert_eq!(errors(parse, &["256"]), ["number too large to fit in target type"]);
    assert_eq!(errors(boxed, &["x"]), ["boxed x"]);
}

mod marked {
    use super::*;

    #[function]
    pub(super) fn with_lifetime<'a>(input: &'a str, _: &Context) -> Option<&'a str> {
        input.strip_prefix("keep ")
    }
}

mod started {
    use super::*;

    pub(super) fn needs_limit(context: &Context) -> Result<(), Error> {
        match context.user_config_value_as::<u32>("limit")? {
            Some(_) => Ok(()),
            None => Err(Error::new("user config 'limit' is missing")),
        }
    }

    #[function(init = needs_limit)]
    pub(super) fn limited(Json(n): Json<u32>, context: &Context) -> Result<Json<u32>, Error> {
        Ok(Json(n.min(context.user_config_value_or("limit", 0)?)))
    }
}

#[test]
fn a_marked_function_stays_a_function() {
    let mut runner = TestRunner::new(marked::with_lifetime);
    runner.send_batch(["keep this", "drop this"]);
    assert_eq!(runner.output_texts(), ["this"]);
}

#[test]
fn a_start_hook_decides_whether_the_function_starts() {
    let refused = TestRunner::new(started::limited).init(started::needs_limit).unwrap_err();
    assert_eq!(refused.to_string(), "user config 'limit' is missing");

    let runner = TestRunner::new(started::limited).config("limit", 3);
    let mut runner = runner.init(started::needs_limit).unwrap();
    runner.send_batch(["2", "4"]);
    assert_eq!(runner.output_texts(), ["2", "3"]);
}
