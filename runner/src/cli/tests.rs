use expect_test::expect_file;

use super::*;

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::parse_from_args(["function-runner"].iter().chain(args).map(OsString::from))
}

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

/// The snapshots are what a person reads first: look at every change of them.
#[test]
fn help_can_be_read() {
    let help = |args: &[&str], snapshot: expect_test::ExpectFile| {
        // Whatever the width of the terminal that the tests run in.
        let command = Cli::command().term_width(100);
        let args = ["function-runner"].iter().chain(args);
        let error = command.try_get_matches_from(args).unwrap_err();
        assert!(!error.use_stderr());
        snapshot.assert_eq(&error.render().to_string());
    };
    help(&["-h"], expect_file!["tests/help.txt"]);
    help(&["--help"], expect_file!["tests/help_long.txt"]);
    help(&["localrun", "-h"], expect_file!["tests/localrun.txt"]);
    help(&["localrun", "--help"], expect_file!["tests/localrun_long.txt"]);
    help(&["run", "--help"], expect_file!["tests/run.txt"]);
    help(&["install", "--help"], expect_file!["tests/install.txt"]);
    help(&["check", "--help"], expect_file!["tests/check.txt"]);
}

#[test]
fn pulsars_two_letter_option_is_known() {
    let cli = parse(&["localrun", "-st", "JSON"]).unwrap();
    assert!(format!("{cli:?}").contains(r#"schema_type: Some("JSON")"#));
}

#[test]
fn check_takes_one_of_its_two_forms() {
    assert!(parse(&["check"]).is_err());
    assert!(parse(&["check", "--config", "d", "--function-config-file", "f"]).is_err());
    assert!(parse(&["check", "--config", "d"]).is_ok());
    assert!(parse(&["check", "--function-config-file", "f"]).is_ok());
}

#[test]
fn completions_name_the_commands() {
    for shell in Shell::value_variants() {
        let script = String::from_utf8(Cli::completions(*shell)).unwrap();
        assert!(script.contains("localrun") && script.contains("broker-service-url"), "{shell}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let json: serde_json::Value = serde_json::from_str(&version(Output::Json)).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version(Output::Text), format!("function-runner {}\n", env!("CARGO_PKG_VERSION")));
}
