//! Greets with the words of its user config.

use function_mesh_sdk::{Context, Error, function};

/// The user config `greeting` says how, `times` how often (once otherwise).
#[function]
pub fn greet(name: &str, context: &Context) -> Result<String, Error> {
    let greeting = context.user_config_value_or("greeting", "Hello".to_owned())?;
    let times = context.user_config_value_or("times", 1_usize)?;
    Ok(vec![format!("{greeting}, {name}"); times].join("; "))
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::greet;

    #[test]
    fn greets_as_configured() {
        let mut runner = TestRunner::new(greet).config("greeting", "Ahoj").config("times", 2);
        runner.send("Alice");
        assert_eq!(runner.output_texts(), ["Ahoj, Alice; Ahoj, Alice"]);
    }

    #[test]
    fn greets_without_configuration() {
        let mut runner = TestRunner::new(greet);
        runner.send("Alice");
        assert_eq!(runner.output_texts(), ["Hello, Alice"]);
    }

    #[test]
    fn an_error_names_the_key_of_a_wrong_value() {
        let mut runner = TestRunner::new(greet).config("times", "often");
        runner.send("Alice");
        assert_eq!(
            runner.errors(),
            ["user config 'times': invalid type: string \"often\", expected usize"]
        );
    }
}
