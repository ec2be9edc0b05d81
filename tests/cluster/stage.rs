//! What these scenarios share: one cluster and one broker that none of them may disturb.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Result, anyhow};
use function_mesh_tests::{
    peer::Peer,
    platform::{Broker, Platform},
};
use kubernetes_standalone::{image::Image, programs::Options};
use pulsar_standalone::access::Access;

/// For what happens at once, on two slow cores.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// An image with a shell and nothing of ours, as a user's might be.
pub(crate) const SHELL: &str = "localhost/shell:1";

/// Kept in statics, which are never dropped: what is in them has a keeper that ends it with this
/// process.
pub(crate) type Shared<T> = OnceLock<Result<T, String>>;

pub(crate) fn shared<T>(
    place: &'static Shared<T>,
    start: impl FnOnce() -> Result<T>,
) -> Result<&'static T> {
    let value = place.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    value.as_ref().map_err(|error| anyhow!(error.clone()))
}

/// A cluster with the shell's image.
pub(crate) fn platform() -> Result<&'static Platform> {
    static PLATFORM: Shared<Platform> = OnceLock::new();
    shared(&PLATFORM, start)
}

/// A broker that its pods reach. The cluster has the runner's image then.
pub(crate) fn broker() -> Result<&'static Broker> {
    static BROKER: Shared<Broker> = OnceLock::new();
    shared(&BROKER, || {
        let platform = platform()?;
        platform.load_runner()?;
        platform.start_broker(Arc::new(Peer::start()?), Access::Everybody)
    })
}

/// Another one, which asks for a token.
pub(crate) fn guarded() -> Result<&'static Broker> {
    static GUARDED: Shared<Broker> = OnceLock::new();
    shared(&GUARDED, || platform()?.start_broker(Arc::new(Peer::start()?), Access::Token))
}

/// A cluster for one scenario, with the shell's image.
pub(crate) fn start() -> Result<Platform> {
    let platform = Platform::start(&Options::whole())?;
    let image = Image::new(SHELL, ["/bin/busybox"]).file("/bin/busybox", "/bin/busybox");
    platform.machine.load_image(&image)?;
    Ok(platform)
}

/// Taken by a scenario that starts a cluster of its own: more than two at once would be more than a
/// small machine has room for.
pub(crate) fn own_cluster_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`Platform::restricted`].
pub(crate) fn restricted(platform: &Platform, name: &str) -> Result<String> {
    platform.restricted(name)
}
