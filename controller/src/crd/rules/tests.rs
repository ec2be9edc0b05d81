use std::collections::BTreeSet;

use super::*;
use crate::crd::schema;

fn rule(name: &str) -> &'static Rule {
    all().find(|rule| rule.name == name).unwrap()
}

/// A typing error in a table must not make a rule vanish.
#[test]
fn every_rule_is_in_the_schema_of_each_of_its_kinds() {
    for kind in Kind::ALL {
        let mut definition = schema::definition(kind);
        let schema = definition.spec.versions[0].schema.as_mut().unwrap();
        let schema = schema.open_api_v3_schema.as_mut().unwrap();
        for rule in all().filter(|rule| rule.kinds.contains(&kind)) {
            let place = place::at(schema, rule.at);
            let place = place.unwrap_or_else(|| panic!("{}: no {}", rule.name, rule.at));
            let there = place.x_kubernetes_validations.iter().flatten();
            let count = there.filter(|there| **there == rule.validation()).count();
            assert_eq!(count, usize::from(!rule.holds.is_empty()), "{}", rule.name);
            assert!(place::at(place, rule.field).is_some(), "{}: no {}", rule.name, rule.field);
        }
    }
}

#[test]
fn rules_have_names_of_their_own_and_say_what_to_do() {
    let names: BTreeSet<_> = all().map(|rule| rule.name).collect();
    assert_eq!(names.len(), all().count());
    for rule in all() {
        assert!(rule.expected.len() > 8 && !rule.expected.ends_with('.'), "{}", rule.name);
        // The API server takes no longer ones.
        assert!(rule.expected.len() < 2000 && !rule.expected.contains('\n'), "{}", rule.name);
    }
}

#[test]
fn an_object_that_broke_a_rule_of_the_whole_before_may_still_change() {
    let validation = rule("NAME_LENGTH").validation();
    assert_eq!(validation.optional_old_self, Some(true));
    assert_eq!(
        validation.rule,
        "(size(self.metadata.name) <= 43) \
         || (oldSelf.hasValue() && !(size(oldSelf.value().metadata.name) <= 43))"
    );
}
