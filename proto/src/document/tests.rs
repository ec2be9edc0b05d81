use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Shop {
    name: String,
    #[serde(default)]
    open_days: Vec<Day>,
    #[serde(default)]
    stock: BTreeMap<String, Item>,
    #[serde(default)]
    payment: Option<Payment>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Day {
    Monday,
    Tuesday,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    count: u32,
    #[serde(default)]
    price: f64,
    #[serde(default)]
    sold_out: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type", deny_unknown_fields)]
enum Payment {
    Cash,
    Card { terminal: u16 },
}

fn mistakes(text: &str) -> String {
    match Document::parse(text).and_then(|document| document.read::<Shop>()) {
        Ok(shop) => panic!("accepted: {shop:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn yaml_and_json_read_the_same() {
    let yaml = "name: corner\nopenDays: [MONDAY, TUESDAY]\nstock:\n  tea:\n    count: 3\n    price: 2\npayment:\n  type: card\n  terminal: 7\n";
    let json = r#"{"name": "corner", "openDays": ["MONDAY", "TUESDAY"],
        "stock": {"tea": {"count": 3, "price": 2}}, "payment": {"type": "card", "terminal": 7}}"#;
    let expected = Shop {
        name: "corner".to_owned(),
        open_days: vec![Day::Monday, Day::Tuesday],
        stock: BTreeMap::from([("tea".to_owned(), Item { count: 3, price: 2.0, sold_out: false })]),
        payment: Some(Payment::Card { terminal: 7 }),
    };
    for text in [yaml, json] {
        assert_eq!(Document::parse(text).unwrap().read::<Shop>().unwrap(), expected);
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "\
name: 7
opendays: [MONDAY]
stock:
  tea: {count: -1, price: cheap}
  persistent://x: {cuont: 3, count: 3}
  milk: {}
payment: {type: card, terminal: 70000}
";
    let expected = "\
field \"name\" = \"7\" (line 1, column 7): expected a text: put it in quotes
field \"opendays\" = \"..\" (line 2, column 1): expected a known field: did you mean openDays?
field \"payment\" = \"{..}\" (line 7, column 10): expected a whole number from 0 to 65535
field \"stock.milk.count\" = \"\" (line 6, column 9): expected a value: the field is required
field \"stock.tea.count\" = \"-1\" (line 4, column 16): expected a whole number, 0 or more
field \"stock.tea.price\" = \"cheap\" (line 4, column 27): expected a number
field \"stock[\"persistent://x\"].cuont\" = \"..\" (line 5, column 20): expected a known field: did you mean count?";
    assert_eq!(mistakes(text), expected);
}

#[test]
fn a_wrong_element_does_not_shift_those_after_it() {
    let text = "name: corner\nopenDays: [MONDAY, NEVER, TUESDAY, 5]\n";
    let expected = "\
field \"openDays[1]\" = \"NEVER\" (line 2, column 20): expected one of MONDAY, TUESDAY
field \"openDays[3]\" = \"5\" (line 2, column 36): expected one of MONDAY, TUESDAY";
    assert_eq!(mistakes(text), expected);
}

#[test]
fn a_mistake_of_syntax_has_line_and_column() {
    let found = mistakes("name: corner\nstock: {tea: {count: 3}\n");
    assert!(found.starts_with("document (line "), "{found}");
    let found = mistakes("name: corner\nname: other\n");
    assert!(found.contains("line 2"), "{found}");
    let found = mistakes(r#"{"name": "corner""#);
    assert!(found.contains("line 1"), "{found}");
}

#[test]
fn a_value_that_should_not_be_shown_is_not() {
    let found = mistakes("name: corner\ntoken: eyJhbGciOi\n");
    assert!(!found.contains("eyJ"), "{found}");
    assert!(found.contains("field \"token\""), "{found}");
}

#[test]
fn null_and_nothing_are_the_same_for_a_field() {
    let shop: Shop =
        Document::parse("name: corner\nstock: null\npayment: ~\n").unwrap().read().unwrap();
    assert_eq!(shop.stock, BTreeMap::new());
    assert_eq!(shop.payment, None);
    let values: serde_json::Value = Document::parse("{a: null}").unwrap().read().unwrap();
    assert_eq!(values, serde_json::json!({"a": null}));
}

#[test]
fn an_empty_document_lacks_what_is_required() {
    let found = mistakes("");
    assert_eq!(found, "field \"name\" = \"\": expected a value: the field is required");
    assert_eq!(mistakes("# nothing\n"), found);
}

#[test]
fn a_place_is_found_by_the_path_of_its_field() {
    let text = "name: corner\nstock:\n  \"persistent://t/n/x\":\n    count: 3\nopenDays:\n- MONDAY\n- TUESDAY\n";
    let document = Document::parse(text).unwrap();
    for (field, place) in [
        ("stock[\"persistent://t/n/x\"].count", Some((4, 12))),
        ("openDays[1]", Some((7, 3))),
        ("stock[\"persistent://t/n/x\"].price", Some((4, 5))),
        ("unheard.of", None),
    ] {
        let found = document.position(field).map(|p| (p.line, p.column));
        assert_eq!(found, place, "{field}");
    }
}
