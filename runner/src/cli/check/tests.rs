use std::fs;

use expect_test::expect;

use super::*;
use crate::cli::Exit;

fn check(text: &str) -> Result<String, Failure> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("function.yaml");
    fs::write(&file, text).unwrap();
    Check { config: None, function_config_file: Some(file) }.run()
}

#[test]
fn a_good_document_gives_a_page_on_what_would_run() {
    let page = check(
        "name: counter\nwasm: counter.wasm\ninputs: [in, persistent://t/n/other]\noutput: out\n\
         subName: sub\nsubscriptionPosition: Earliest\nretainKeyOrdering: true\n\
         maxMessageRetries: 3\ndeadLetterTopic: dead\nlogTopic: log\nparallelism: 2\n\
         producerConfig: {compressionType: ZSTD, batchBuilder: KEY_BASED}\n\
         userConfig: {a: hidden}\nsecrets: {password: {path: hidden}}\n",
    );
    let page = page.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(!page.contains("hidden"), "{page}");
    expect![[r#"
        function       public/default/counter
        package        counter.wasm
        instances      2
        input          persistent://public/default/in, bytes
        input          persistent://t/n/other, bytes
        subscription   sub, Key_Shared, a new one starts at the earliest message; removed with the function
        output         persistent://public/default/out, bytes, ZSTD, a batch per key
        guarantee      ATLEAST_ONCE: acknowledged when outputs are confirmed
        order          kept per key
        retries        3, after 60000 ms each, then to persistent://public/default/dead
        log topic      persistent://public/default/log
        user config    a
        secrets        password from environment variables
        state          in memory, lost when the instance ends
        sandbox        64MiB of memory, 5000 ms for a message
        in flight      at most 20000 messages, 32MiB
        topics         in memory: lines in, lines out, unless localrun names a broker
    "#]].assert_eq(&page);
}

#[test]
fn a_bad_document_gives_every_mistake_and_the_exit_code_of_bad_configuration() {
    let failure = check("inputs: []\nparallelism: 0\nwhat: 1\n").unwrap_err();
    assert_eq!(failure.exit, Exit::BadConfiguration);
    assert!(failure.to_string().contains("what"), "{failure}");
    let failure = check("name: f\nwasm: f.wasm\ninputs: []\nparallelism: 0\n").unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("inputs") && text.contains("parallelism"), "{text}");
}
