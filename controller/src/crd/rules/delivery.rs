//! Delivery promises, retries, order and windows.

use super::{CONSUMERS, FUNCTION, Reason, Rule, rules};

/// With another promise than effectively_once.
macro_rules! not_effectively_once {
    () => {
        " || !has(self.processingGuarantee) || self.processingGuarantee != 'effectively_once'"
    };
}

rules! {
    TIMEOUT_EFFECTIVELY_ONCE: CONSUMERS at "spec", Invalid ".timeout",
        holds concat!("!has(self.timeout) || self.timeout == 0", not_effectively_once!()),
        expected "no timeout with effectively_once: a message delivered again out of order would not be recognised. Remove it or promise atleast_once";

    TIMEOUT_NEGATIVE: CONSUMERS at "spec", Invalid ".timeout",
        holds "!has(self.timeout) || self.timeout >= 0",
        expected "0 or more milliseconds";

    RETRY_EFFECTIVELY_ONCE: CONSUMERS at "spec", Invalid ".maxMessageRetry",
        holds concat!("!has(self.maxMessageRetry) || self.maxMessageRetry <= 0", not_effectively_once!()),
        expected "no maxMessageRetry with effectively_once: a message given up would be missing. Remove it or promise atleast_once";

    DEAD_LETTER_WITHOUT_RETRY: CONSUMERS at "spec", Required ".maxMessageRetry",
        holds "!has(self.deadLetterTopic) || self.deadLetterTopic == '' || (has(self.maxMessageRetry) && self.maxMessageRetry > 0)",
        expected "1 or more, since deadLetterTopic is set: without a last attempt no message ever gets there. Set it or remove deadLetterTopic";

    KEY_ORDER_EFFECTIVELY_ONCE: FUNCTION at "spec", Invalid ".retainKeyOrdering",
        holds concat!("!has(self.retainKeyOrdering) || !self.retainKeyOrdering", not_effectively_once!()),
        expected "false with effectively_once, which needs the order of whole topics. Remove it or promise atleast_once";

    TWO_ORDERS: FUNCTION at "spec", Invalid ".retainKeyOrdering",
        holds "!has(self.retainKeyOrdering) || !self.retainKeyOrdering || !has(self.retainOrdering) || !self.retainOrdering",
        expected "only one of retainKeyOrdering and retainOrdering: they need different subscriptions. Remove one of them";

    WINDOW_WITHOUT_LENGTH: FUNCTION at "spec.windowConfig", Required "",
        holds "has(self.windowLengthCount) || has(self.windowLengthDurationMs)",
        expected "windowLengthCount or windowLengthDurationMs: it says when a window is full";

    WINDOW_WITH_TWO_LENGTHS: FUNCTION at "spec.windowConfig", Forbidden "",
        holds "!has(self.windowLengthCount) || !has(self.windowLengthDurationMs)",
        expected "only one of windowLengthCount and windowLengthDurationMs. Remove one of them";

    WINDOW_COUNT: FUNCTION at "spec.windowConfig", Invalid ".windowLengthCount",
        holds "!has(self.windowLengthCount) || self.windowLengthCount > 0",
        expected "1 or more messages";

    WINDOW_DURATION: FUNCTION at "spec.windowConfig", Invalid ".windowLengthDurationMs",
        holds "!has(self.windowLengthDurationMs) || self.windowLengthDurationMs > 0",
        expected "1 or more milliseconds";

    SLIDING_COUNT: FUNCTION at "spec.windowConfig", Invalid ".slidingIntervalCount",
        holds "!has(self.slidingIntervalCount) || self.slidingIntervalCount > 0",
        expected "1 or more messages";

    SLIDING_DURATION: FUNCTION at "spec.windowConfig", Invalid ".slidingIntervalDurationMs",
        holds "!has(self.slidingIntervalDurationMs) || self.slidingIntervalDurationMs > 0",
        expected "1 or more milliseconds";

    WINDOW_LAG: FUNCTION at "spec.windowConfig", Invalid ".maxLagMs",
        holds "!has(self.timestampExtractorClassName) || !has(self.maxLagMs) || self.maxLagMs > 0",
        expected "1 or more milliseconds with timestampExtractorClassName";

    WINDOW_WATERMARK: FUNCTION at "spec.windowConfig", Invalid ".watermarkEmitIntervalMs",
        holds "!has(self.timestampExtractorClassName) || !has(self.watermarkEmitIntervalMs) || self.watermarkEmitIntervalMs > 0",
        expected "1 or more milliseconds with timestampExtractorClassName";
}
