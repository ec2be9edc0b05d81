//! Rows without pods.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use function_mesh_tests::{
    faults::{definitions, deletion, drift, outages, refusals, rest, walk, writes},
    platform::Platform,
};
use kubernetes_standalone::programs::Options;

use crate::{Fault, Table};

/// Watches begin anew this often, so that a lost event cannot stay lost.
const RESYNC: Duration = Duration::from_secs(5);

fn control_plane() -> Result<Platform> {
    let platform = Platform::start(&Options { scheduler: false, ..Options::control_plane() })?;
    platform.install_kinds()?;
    Ok(platform)
}

/// Those that keep off each other by their namespaces.
pub(super) fn shared(table: &Table) -> Result<()> {
    let all = ["C1", "C2", "C3", "C6", "C8", "C11", "C13", "C16"];
    if !all.iter().any(|id| table.wants(id)) {
        return Ok(());
    }
    let platform = control_plane()?;
    let options = &table.options;
    thread::scope(|scope| {
        let platform = &platform;
        // It does nothing but wait; the others' writes are not in its namespace.
        scope.spawn(move || {
            let fault = Fault {
                id: "C8",
                injected: "nothing changes",
                expected: "0 writes, below 1 % of a core",
            };
            table.row(fault, || {
                let rest = Duration::from_secs(options.rest);
                let figure = rest::at_rest(platform, options.functions, rest)?;
                Ok(format!("{} functions for {} s: {figure}", options.functions, options.rest))
            });
        });
        one_after_the_other(table, platform);
    });
    Ok(())
}

fn one_after_the_other(table: &Table, platform: &Platform) {
    let fault = Fault {
        id: "C1",
        injected: "the controller is killed after every k-th write, and started again",
        expected: "the same state for every k",
    };
    table.row(fault, || writes::killed_after_every_write(platform));
    let fault = Fault {
        id: "C2",
        injected: "one watch event is lost, each of the first ten in turn; resync every 5 s",
        expected: "the same state after the resync",
    };
    table.row(fault, || writes::lost_events(platform, 10, RESYNC));
    let fault = Fault {
        id: "C3",
        injected: "watch events come late, while objects are deleted and made",
        expected: "nothing is deleted or made anew because of it",
    };
    table.row(fault, || writes::stale_reads(platform));
    let fault = Fault {
        id: "C6",
        injected: "30 % of all requests are refused with 409, 429, 500 or 504",
        expected: "the same state; at most 2 requests/s about one object; Retry-After kept",
    };
    table.row(fault, || refusals::refused(platform, 20, 30));
    let fault = Fault {
        id: "C11",
        injected: "a newer operator, which brings another runner, takes over",
        expected: "no pod template changes",
    };
    table.row(fault, || rest::upgraded(platform, table.options.functions));
    let fault = Fault {
        id: "C13",
        injected: "Service, ConfigMap, StatefulSet and HorizontalPodAutoscaler are edited, then deleted",
        expected: "restored within 5 s; what others added stays",
    };
    table.row(fault, || drift::restored(platform, Duration::from_secs(5)));
    let fault = Fault {
        id: "C16",
        injected: "functions are deleted while Pulsar is down",
        expected: "gone within 30 s; what stays in Pulsar is reported",
    };
    table.row(fault, || deletion::while_pulsar_is_down(platform));
}

/// Those that need a cluster to themselves.
pub(super) fn alone(table: &Table) -> Result<()> {
    let options = &table.options;
    let fault = Fault {
        id: "C9",
        injected: "random valid changes of a spec, one after the other",
        expected: "after each, what the function owns is what a new one with that spec owns",
    };
    let seed = match options.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    table.row(fault, || walk::walk(options.steps, seed));
    let fault = Fault {
        id: "C14",
        injected: "definitions with a field more, then a field fewer; an object that no version can read",
        expected: "the others are reconciled, no field is lost, one Event about the unreadable object",
    };
    table.row(fault, || Ok(format!("{}; {}", definitions::changed()?, definitions::unreadable()?)));
    if table.wants("C5") {
        let mut platform = control_plane()?;
        let fault = Fault {
            id: "C5",
            injected: "etcd is frozen; etcd is compacted and the API server killed while the controller sleeps",
            expected: "reconciled within 30 s",
        };
        table.row(fault, || {
            let frozen = outages::etcd_frozen(&platform, Duration::from_secs(options.frozen))?;
            Ok(format!("{frozen}; {}", outages::compacted(&mut platform)?))
        });
    }
    Ok(())
}
