use super::*;

fn full(text: &str) -> String {
    match text.parse::<TopicName>() {
        Ok(name) => name.to_string(),
        Err(why) => format!("{why:?}"),
    }
}

#[test]
fn a_short_name_is_of_the_default_namespace() {
    assert_eq!(full("orders"), "persistent://public/default/orders");
    assert_eq!(full("shop/eu/orders"), "persistent://shop/eu/orders");
    assert_eq!(full("non-persistent://shop/eu/orders"), "non-persistent://shop/eu/orders");
    assert_eq!(
        full("persistent://shop/eu/orders-partition-3"),
        "persistent://shop/eu/orders-partition-3"
    );
    // Pulsar checks neither spaces inside nor other scripts.
    assert_eq!(full("new orders"), "persistent://public/default/new orders");
    assert_eq!(full("persistent://a=b/c:d.e_f-1/ö"), "persistent://a=b/c:d.e_f-1/ö");
}

#[test]
fn what_is_not_a_topic_name_says_why() {
    for (text, why) in [
        ("", "Empty"),
        ("   ", "Empty"),
        ("kafka://shop/eu/orders", "Domain"),
        ("://shop/eu/orders", "Domain"),
        ("eu/orders", "Short"),
        ("shop/dc1/eu/orders", "Short"),
        ("persistent://orders", "Parts"),
        ("persistent://eu/orders", "Parts"),
        ("persistent://shop/dc1/eu/orders", "Cluster"),
        ("persistent:///eu/orders", "Tenant"),
        ("persistent://sh op/eu/orders", "Tenant"),
        ("persistent://shop/e$u/orders", "Namespace"),
        ("persistent://shop/eu/", "Local"),
        (" orders", "Local"),
        ("orders\n", "Local"),
    ] {
        assert_eq!(full(text), why, "{text:?}");
    }
}

#[test]
fn a_pattern_matches_whole_names_of_its_namespace() {
    let pattern: TopicPattern = "persistent://shop/eu/order-(in|out)".parse().unwrap();
    assert_eq!(pattern.namespace, "shop/eu");
    for (topic, expected) in [
        ("persistent://shop/eu/order-in", true),
        ("persistent://shop/eu/order-out-partition-7", true),
        ("persistent://shop/eu/order-inner", false),
        ("persistent://shop/eu/my-order-in", false),
        ("persistent://shop/us/order-in", false),
        ("non-persistent://shop/eu/order-in", false),
    ] {
        assert_eq!(pattern.matches(&topic.parse().unwrap()), expected, "{topic}");
    }
}

#[test]
fn a_short_pattern_is_of_the_default_namespace() {
    let pattern: TopicPattern = "order-.*".parse().unwrap();
    assert_eq!(pattern.text, "persistent://public/default/order-.*");
    assert!(pattern.matches(&"order-in".parse().unwrap()));
}

#[test]
fn a_pattern_that_cannot_be_searched_for_says_why() {
    for (text, why) in [
        ("persistent://shop/eu/(", "unclosed group"),
        ("persistent://shop/eu/(?!x).*", "look-around"),
        ("non-persistent://shop/eu/.*", "persistent topics only"),
        ("persistent://shop/eu/", "the name is empty"),
        ("persistent://shop/.*", "tenant, namespace and name"),
    ] {
        let error = text.parse::<TopicPattern>().unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
