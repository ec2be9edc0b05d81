//! A function's spec is changed at random, many times: what it owns is then what a new function with
//! that spec would own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kubernetes_standalone::programs::Options;
use serde_json::{Value, json};

use super::{
    ground::Ground,
    mutations::{Random, mutate},
    state,
};
use crate::{autoscalers, platform::Platform};

const KINDS: [&str; 5] =
    ["StatefulSet", "Service", "ConfigMap", "HorizontalPodAutoscaler", "VerticalPodAutoscaler"];

/// Takes so many steps on a cluster of its own that keeps objects and does nothing to them.
pub fn walk(steps: usize, seed: u64) -> Result<String> {
    let platform = Platform::start(&Options::api_server())?;
    platform.install_kinds()?;
    platform.kubernetes.establish(&autoscalers::vertical())?;
    let ground = Ground::new(&platform, "walk")?;
    let mut controller = ground.controller(None, &[("--log-level", "warn")])?;
    let steps = Steps { ground, seed, steps };
    let told = steps.take().with_context(|| controller.log())?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    ensure!(!controller.log().contains(" ERROR "), "{}", controller.log());
    Ok(told)
}

struct Steps<'a> {
    ground: Ground<'a>,
    seed: u64,
    steps: usize,
}

impl Steps<'_> {
    fn take(&self) -> Result<String> {
        let mut random = Random::new(self.seed);
        let mut spec = self.ground.function_of("walker", &json!({}));
        let mut spec = spec.get_mut("spec").map(Value::take).unwrap_or_default();
        let mut slowest = Duration::ZERO;
        let (mut path, mut step, mut refused) = (Vec::new(), 0, 0);
        while step < self.steps {
            let before = spec.clone();
            let change = mutate(&mut spec, &mut random);
            if self.is_refused(&spec)? {
                // What the schema's rules do not allow together.
                spec = before;
                refused += 1;
                ensure!(refused <= self.steps + 10, "the walk is wrong: {change}");
                continue;
            }
            path.push(change);
            step += 1;
            let told = || {
                let last =
                    path.get(path.len().saturating_sub(12)..).unwrap_or_default().join("\n  ");
                format!("seed {}, step {step}, after\n  {last}\n", self.seed)
            };
            let started = Instant::now();
            self.run("walker", &spec).with_context(told)?;
            slowest = slowest.max(started.elapsed());
            let fresh = format!("fresh-{step}");
            self.run(&fresh, &spec).with_context(told)?;
            let of = |name: &str| state::of_function(&self.ground, name, &KINDS);
            let (walked, direct) = (of("walker")?, of(&fresh)?);
            ensure!(direct.len() >= 3, "{direct:?}");
            if let Some(difference) = state::difference(&walked, &direct) {
                bail!("{}{difference}", told());
            }
            self.remove(&fresh)?;
        }
        Ok(format!(
            "{} steps (seed {}, {refused} more refused by the schema): 0 differences, at most \
             {slowest:.1?} for a step",
            self.steps, self.seed
        ))
    }

    fn function(&self, name: &str, spec: &Value) -> Value {
        let mut function = self.ground.function_of(name, &json!({}));
        if let Some(fields) = function.as_object_mut() {
            fields.insert("spec".to_owned(), spec.clone());
        }
        function
    }

    /// Whether the API server takes a spec; if it does, the walker has it.
    fn is_refused(&self, spec: &Value) -> Result<bool> {
        match self.ground.apply(&self.function("walker", spec)) {
            Ok(_) => Ok(false),
            Err(error) if error.to_string().contains("is invalid: ") => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn run(&self, name: &str, spec: &Value) -> Result<()> {
        self.ground.apply(&self.function(name, spec))?;
        self.ground.observed(name)?;
        let function = self.ground.get("Function", name)?;
        let reason = function.pointer("/status/reason").and_then(Value::as_str).unwrap_or_default();
        ensure!(reason != "InvalidSpec", "the walk is wrong: {function}");
        Ok(())
    }

    /// Nobody collects what has lost its owner here.
    fn remove(&self, name: &str) -> Result<()> {
        let kubernetes = &self.ground.platform.kubernetes;
        kubernetes.delete("Function", &self.ground.namespace, name)?;
        let selector = format!("compute.functionmesh.io/name={name}");
        for kind in KINDS {
            for object in kubernetes.list(kind, &self.ground.namespace, &selector)? {
                let name = object.pointer("/metadata/name").and_then(Value::as_str);
                kubernetes.delete(kind, &self.ground.namespace, name.unwrap_or_default())?;
            }
        }
        Ok(())
    }
}
