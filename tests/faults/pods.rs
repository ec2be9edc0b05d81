//! Rows with pods, and a broker.

use std::{sync::Arc, thread, time::Duration};

use anyhow::Result;
use function_mesh_tests::{
    faults::{eviction, members, outages, ownership, rollouts},
    peer::Peer,
    platform::Platform,
    stage::Stage,
};
use kubernetes_standalone::programs::Options;
use pulsar_standalone::access::Access;

use crate::{Fault, Table};

pub(super) fn measure(table: &Table) -> Result<()> {
    let all = ["C4", "C10", "C12", "C17", "C18"];
    if !all.iter().any(|id| table.wants(id)) {
        return Ok(());
    }
    let mut platform = Platform::start(&Options::whole())?;
    platform.install_kinds()?;
    platform.load_runner()?;
    platform.load_functions()?;
    let broker = platform.start_broker(Arc::new(Peer::start()?), Access::Everybody)?;
    let options = &table.options;
    thread::scope(|scope| {
        let stage = |name: &str| Stage::open(&platform, &broker, name);
        let fault = Fault {
            id: "C12",
            injected: "replicas set through the scale subresource, then a manifest without them \
                       applied every 2 s",
            expected: "no oscillation, no restart",
        };
        // It does next to nothing.
        scope.spawn(move || {
            let lasting = Duration::from_secs(options.rest);
            table.row(fault, || ownership::applied_again(&stage("gitops")?, lasting));
        });
        let fault = Fault {
            id: "C10",
            injected: "an impossible request for memory, an image and a tenant that do not exist; \
                       each reverted",
            expected: "ready within 60 s, nobody deletes a pod",
        };
        table.row(fault, || rollouts::reverted(&stage("reverted")?, 2));
        let fault = Fault {
            id: "C17",
            injected: "pods evicted in turn, with a disruption budget",
            expected: "0 lost, 0 duplicated",
        };
        table.row(fault, || eviction::evicted(&stage("evicted")?, 6));
        let fault = Fault {
            id: "C18",
            injected: "a mesh of 10 with one bad member; a member is removed",
            expected: "the other 9 ready, the bad one named, the removed one gone within 10 s",
        };
        table.row(fault, || members::one_is_bad(&stage("members")?, 10));
    });
    let fault = Fault {
        id: "C4",
        injected: "the API server is killed and stays away, while messages flow",
        expected: "0 lost; not ready meanwhile; all reconciled within 30 s of the return",
    };
    let away = Duration::from_secs(options.outage);
    table.row(fault, || outages::api_server_away(&mut platform, &broker, away));
    Ok(())
}
