//! Sends each message to the topic that its content asks for.

use function_mesh_sdk::{Context, Error, function};

/// Reads the word before the colon: `eu: an order`. The user config `routes` says which topic that
/// word means; a message without a route goes to the output topic. Key, properties and event time
/// go along.
#[function]
pub fn route(input: &str, context: &Context) -> Result<Option<String>, Error> {
    let destination = input
        .split_once(':')
        .and_then(|(word, _)| context.user_config_value("routes")?.get(word.trim())?.as_str());
    match destination {
        Some(topic) => {
            context.publish(topic).forward(&context.record()).send(input)?;
            Ok(None)
        }
        None => Ok(Some(input.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use function_mesh_sdk::testing::{Message, TestRunner};

    use super::route;

    fn router() -> TestRunner {
        let routes = BTreeMap::from([("eu", "orders-eu"), ("us", "orders-us")]);
        TestRunner::new(route).config("routes", serde_json::to_value(routes).unwrap())
    }

    #[test]
    fn each_message_goes_where_its_content_says() {
        let mut router = router();
        for order in ["eu: a chair", "us: a table", "eu: a lamp", "mars: a spade", "no route"] {
            router.send(order);
        }
        let published: Vec<_> =
            router.published().into_iter().map(|p| (p.topic.clone(), p.text())).collect();
        let expected = [
            ("orders-eu", "eu: a chair"),
            ("orders-us", "us: a table"),
            ("orders-eu", "eu: a lamp"),
        ];
        assert_eq!(published, expected.map(|(topic, text)| (topic.to_owned(), text.to_owned())));
        assert_eq!(router.output_texts(), ["mars: a spade", "no route"]);
    }

    #[test]
    fn key_properties_and_event_time_go_along() {
        let mut router = router();
        router.send(Message::new("eu: a chair").key("alice").property("shop", "3").event_time(17));
        let published = &router.published()[0];
        assert_eq!(published.key.as_deref(), Some("alice"));
        assert_eq!(published.properties, [("shop".to_owned(), "3".to_owned())]);
        assert_eq!(published.event_time, Some(17));
    }
}
