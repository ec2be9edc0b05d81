//! Taking back what one record did, whatever others did meanwhile.

use proptest::prelude::*;

use super::*;

fn key(name: &str) -> Arc<str> {
    Arc::from(name)
}

/// Stored before the call: 10 under "c", text under "t".
fn stored(name: &str) -> Option<Vec<u8>> {
    match name {
        "c" => Some(10_i64.to_be_bytes().to_vec()),
        "t" => Some(b"text".to_vec()),
        _ => None,
    }
}

fn write(effects: &mut Effects, index: usize, name: &str, write: Write) -> Result<(), String> {
    effects.write(index, &key(name), write, || Ok(stored(name))).map(drop)
}

fn value(effects: &Effects, name: &str) -> Option<Vec<u8>> {
    match effects.overlay().get(name) {
        Some(value) => value.map(<[u8]>::to_vec),
        None => stored(name),
    }
}

#[test]
fn a_counter_keeps_what_others_added_after_one_is_taken_back() {
    let mut effects = Effects::default();
    for (index, amount) in [(0, 1), (1, 100), (2, 1_000)] {
        write(&mut effects, index, "c", Write::Add(amount)).unwrap();
    }
    effects.discard(1);
    assert_eq!(counter(value(&effects, "c").as_deref()), Ok(1_011));
}

#[test]
fn taking_back_the_only_writer_leaves_nothing_to_commit() {
    let mut effects = Effects::default();
    write(&mut effects, 0, "t", Write::Put(b"new".to_vec())).unwrap();
    write(&mut effects, 0, "t", Write::Delete).unwrap();
    effects.discard(0);
    assert_eq!(value(&effects, "t").as_deref(), Some(&b"text"[..]));
    assert_eq!(effects.changes(), []);
}

#[test]
fn a_value_put_by_a_later_record_stays() {
    let mut effects = Effects::default();
    write(&mut effects, 0, "t", Write::Put(b"first".to_vec())).unwrap();
    write(&mut effects, 1, "t", Write::Put(b"second".to_vec())).unwrap();
    effects.discard(0);
    assert_eq!(effects.changes(), [("t".to_owned(), Some(b"second".to_vec()))]);
}

#[test]
fn adding_to_text_is_an_error_and_changes_nothing() {
    let mut effects = Effects::default();
    let why = write(&mut effects, 0, "t", Write::Add(1)).unwrap_err();
    assert_eq!(why, "not a counter: its value has 4 bytes, a counter has 8");
    assert_eq!(value(&effects, "t").as_deref(), Some(&b"text"[..]));
    assert_eq!(effects.changes(), []);
}

#[test]
fn a_counter_does_not_wrap() {
    let mut effects = Effects::default();
    let why = write(&mut effects, 0, "c", Write::Add(i64::MAX)).unwrap_err();
    assert_eq!(why, "adding 9223372036854775807 to 10 exceeds 64 bits");
    assert_eq!(counter(value(&effects, "c").as_deref()), Ok(10));
}

#[test]
fn a_failed_guest_call_takes_back_its_records_only() {
    let mut effects = Effects::default();
    let earlier = ManualSettlement { topic: key("in"), id: Default::default(), acknowledged: true };
    effects.publish(0, key("side"), OutgoingMessage::default());
    effects.settle(None, earlier.clone());
    let mark = effects.mark();
    effects.publish(1, key("side"), OutgoingMessage::default());
    effects.settle(None, earlier.clone());
    effects.roll_back(1..3, mark);
    let (records, settled) = effects.take();
    assert_eq!(records.keys().copied().collect::<Vec<_>>(), [0]);
    assert_eq!(settled, [earlier]);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Delete,
    Add(i32),
}

fn steps() -> impl Strategy<Value = Vec<(usize, bool, Step)>> {
    let step = prop_oneof![
        any::<u8>().prop_map(Step::Put),
        Just(Step::Delete),
        any::<i32>().prop_map(Step::Add)
    ];
    prop::collection::vec((0_usize..5, any::<bool>(), step), 0..40)
}

/// Counters and texts under keys of their own, so that every step is allowed.
fn run(effects: &mut Effects, steps: &[(usize, bool, Step)], skip: Option<usize>) {
    for (index, second, step) in steps.iter().filter(|(index, ..)| Some(*index) != skip) {
        let (name, step) = match (step, second) {
            (Step::Add(amount), false) => ("c", Write::Add(i64::from(*amount))),
            (Step::Add(amount), true) => ("c2", Write::Add(i64::from(*amount))),
            (Step::Put(byte), false) => ("t", Write::Put(vec![*byte])),
            (Step::Put(byte), true) => ("t2", Write::Put(vec![*byte])),
            (Step::Delete, false) => ("t", Write::Delete),
            (Step::Delete, true) => ("t2", Write::Delete),
        };
        write(effects, *index, name, step).unwrap();
    }
}

proptest! {
    #[test]
    fn taking_a_record_back_is_as_if_it_had_never_run(steps in steps(), taken in 0_usize..5) {
        let mut with = Effects::default();
        run(&mut with, &steps, None);
        with.discard(taken);
        let mut without = Effects::default();
        run(&mut without, &steps, Some(taken));
        prop_assert_eq!(with.changes(), without.changes());
    }
}
