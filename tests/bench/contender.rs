//! Who is measured, and how each is started: as a process of its own, as in a pod.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::ValueEnum;
use function_mesh_tests::guests;
use pulsar_standalone::{distribution::Distribution, standalone::Ports};
use serde_json::{Value, json};

use crate::python;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// The exclamation example in our runner.
    Runner,
    /// `ExclamationFunction` of Pulsar's examples in its Java instance.
    Java,
    /// `exclamation_function.py` of Pulsar's examples in its Python instance.
    Python,
    /// Consume to produce over the stock Rust client, without a runtime.
    Loop,
}

/// Where a contender reads and writes.
pub(crate) struct Job<'a> {
    pub(crate) ports: Ports,
    pub(crate) input: &'a str,
    pub(crate) output: &'a str,
    pub(crate) subscription: &'a str,
    /// For logs and caches.
    pub(crate) dir: &'a Path,
}

/// What the contenders run from.
pub(crate) struct Setup {
    distribution: Distribution,
    python: PathBuf,
    pub(crate) runner: PathBuf,
    pub(crate) component: PathBuf,
    stock_loop: PathBuf,
}

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::Runner, Self::Java, Self::Python, Self::Loop];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Runner => "runner",
            Self::Java => "java",
            Self::Python => "python",
            Self::Loop => "loop",
        }
    }
}

impl Setup {
    /// Finds everything before anything is measured.
    pub(crate) fn prepare(contenders: &[Contender], distribution: Distribution) -> Result<Self> {
        let needs = |contender| contenders.contains(&contender);
        let found = |needed, path: fn() -> Result<PathBuf>| {
            if needed { path() } else { Ok(PathBuf::new()) }
        };
        Ok(Self {
            distribution,
            python: found(needs(Contender::Python), python::interpreter)?,
            runner: found(needs(Contender::Runner), guests::runner)?,
            component: found(needs(Contender::Runner), || guests::component("exclamation"))?,
            stock_loop: guests::profile_dir()?.join("stock_loop"),
        })
    }

    pub(crate) fn command(&self, contender: Contender, job: &Job<'_>) -> Command {
        match contender {
            Contender::Runner => self.runner(job),
            Contender::Java => self.java(job),
            Contender::Python => self.python(job),
            Contender::Loop => self.stock_loop(job),
        }
    }

    fn runner(&self, job: &Job<'_>) -> Command {
        let mut command = Command::new(&self.runner);
        command
            .arg("localrun")
            .arg("--wasm")
            .arg(&self.component)
            .args(["--broker-service-url", &job.ports.service_url()])
            .args(["--name", "exclamation", "--inputs", job.input, "--output", job.output])
            .args(["--subs-name", job.subscription, "--subs-position", "Earliest"])
            .args(["--processing-guarantees", "ATLEAST_ONCE"])
            .args(["--producer-config", r#"{"compressionType":"NONE"}"#]);
        command
    }

    fn java(&self, job: &Job<'_>) -> Command {
        let home = self.distribution.home.display();
        let mut details =
            details(job, "org.apache.pulsar.functions.api.examples.ExclamationFunction");
        if let Some(fields) = details.as_object_mut() {
            fields.insert("runtime".to_owned(), json!("JAVA"));
        }
        let mut command = Command::new("java");
        command
            .args(["-cp", &format!("{home}/instances/java-instance.jar")])
            .arg(format!("-Dpulsar.functions.instance.classpath={home}/lib/*"))
            .arg("-Dlog4j.configurationFile=java_instance_log4j2.xml")
            .arg(format!("-Dpulsar.function.log.dir={}", job.dir.display()))
            .arg("-Dpulsar.function.log.file=java")
            .arg("-Dio.netty.tryReflectionSetAccessible=true")
            .args(["--add-opens", "java.base/java.util.zip=ALL-UNNAMED"])
            .args(["--add-opens", "java.base/java.nio=ALL-UNNAMED"])
            .args(["--add-opens", "java.base/jdk.internal.misc=ALL-UNNAMED"])
            // What Pulsar gives a function that asks for no memory of its own.
            .arg("-Xmx1073741824")
            .arg("org.apache.pulsar.functions.instance.JavaInstanceMain")
            .args(["--jar", &format!("{home}/examples/api-examples.jar")]);
        instance_flags(&mut command, job, &details);
        command
    }

    fn python(&self, job: &Job<'_>) -> Command {
        let home = self.distribution.home.display();
        let mut details = details(job, "exclamation_function.ExclamationFunction");
        if let Some(fields) = details.as_object_mut() {
            fields.insert("runtime".to_owned(), json!("PYTHON"));
        }
        let mut command = Command::new(&self.python);
        command
            .arg(format!("{home}/instances/python-instance/python_instance_main.py"))
            .args(["--py", &format!("{home}/examples/python-examples/exclamation_function.py")])
            .arg("--logging_directory")
            .arg(job.dir)
            .args(["--logging_file", "python", "--logging_config_file"])
            .arg(format!("{home}/conf/functions-logging/logging_config.ini"));
        instance_flags(&mut command, job, &details);
        command
    }

    fn stock_loop(&self, job: &Job<'_>) -> Command {
        let mut command = Command::new(&self.stock_loop);
        command
            .args(["--service-url", &job.ports.service_url()])
            .args(["--input", job.input, "--output", job.output])
            .args(["--subscription", job.subscription]);
        command
    }
}

/// The function, as Pulsar's launcher describes it to an instance (Function.proto as JSON).
fn details(job: &Job<'_>, class: &str) -> Value {
    json!({
        "tenant": "public", "namespace": "default", "name": "exclamation", "className": class,
        "autoAck": true, "parallelism": 1, "processingGuarantees": "ATLEAST_ONCE",
        "componentType": "FUNCTION",
        "source": {
            "typeClassName": "java.lang.String", "subscriptionName": job.subscription,
            "subscriptionType": "SHARED", "subscriptionPosition": "EARLIEST",
            "inputSpecs": { job.input: {} },
        },
        "sink": {
            "typeClassName": "java.lang.String", "topic": job.output,
            "forwardSourceMessageProperty": true, "producerSpec": { "compressionType": "NONE" },
        },
    })
}

/// What both of Pulsar's instances are started with.
fn instance_flags(command: &mut Command, job: &Job<'_>, details: &Value) {
    command
        .args(["--function_details", &format!("'{details}'")])
        .args(["--instance_id", "0", "--function_id", "bench", "--function_version", "0"])
        .args(["--pulsar_serviceurl", &job.ports.service_url()])
        .args(["--port", "0", "--metrics_port", "0", "--max_buffered_tuples", "1024"])
        // No supervisor asks after its health, so it must not wait for one.
        .args(["--expected_healthcheck_interval", "-1", "--cluster_name", "standalone"]);
}
