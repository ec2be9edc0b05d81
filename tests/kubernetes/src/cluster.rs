//! One cluster: started, looked after, hurt, and ended with its owner.

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use crate::{
    binary::Binary,
    command, control_group, etcd,
    files::{self, PAUSE_IMAGE},
    image::Image,
    machine,
    network::Network,
    process::{Process, end_of_log},
    programs::{Component, Options, Place},
    readiness,
    sweep::{self, Keeper},
};

const START_LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(25);
/// A socket's address holds 108 bytes, and containerd appends to ours.
const LONGEST_STATE: usize = 80;

/// A running cluster that ends, with its state, when this value or the whole process does.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    keeper: Keeper,
}

impl Cluster {
    /// Starts a cluster with new state in `state` and waits until it does what it has programs for.
    ///
    /// # Errors
    /// The machine lacks something, or a program did not come up; the error shows the end of its
    /// log.
    pub fn start(state: &Path, options: &Options) -> Result<Self> {
        machine::prepare(options.node)?;
        let state = own_directory(state)?;
        let keeper = Keeper::set(&state)?;
        let place = Place::new(state, Binary::get()?, options.clone())?;
        let mut cluster = Self { programs: Programs::new(place), keeper };
        cluster.programs.bring_up()?;
        Ok(cluster)
    }

    /// For an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.programs.place.file(files::ADMIN)
    }

    /// For the bearer of a token, such as that of a service account.
    pub fn kubeconfig_for(&self, name: &str, token: &str) -> Result<PathBuf> {
        let name = format!("{name}.kubeconfig");
        files::put(&self.programs.place, &name, &files::kubeconfig(&self.programs.place, token))?;
        Ok(self.programs.place.file(name))
    }

    /// Kubernetes' own `kubectl`, as an administrator of this cluster.
    pub fn kubectl(&self) -> Command {
        self.programs.kubectl()
    }

    /// Where the API server listens.
    pub fn api_server(&self) -> String {
        format!("https://{}", self.programs.place.api_server())
    }

    /// Where pods reach what listens on this machine. None without a node.
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        self.programs.place.network.as_ref().map(Network::gateway)
    }

    /// Every write so far, every way into a container, and all that service accounts ask: an
    /// `audit.k8s.io/v1` event per line.
    pub fn audit_log(&self) -> PathBuf {
        self.programs.place.file(files::AUDIT_LOG)
    }

    /// What a program has logged so far.
    pub fn log(&self, component: Component) -> PathBuf {
        self.programs.place.log(component)
    }

    /// Where state, logs and configuration are.
    pub fn state(&self) -> &Path {
        &self.programs.place.state
    }

    /// Makes an image of local files, for pods to run.
    ///
    /// # Errors
    /// There is no node, a file is missing, or containerd refuses.
    pub fn load_image(&self, image: &Image) -> Result<()> {
        self.programs.load_image(image)
    }

    /// Takes the images of an archive, as `docker save` and buildah's `docker-archive:` write it.
    ///
    /// # Errors
    /// There is no node, or containerd refuses.
    pub fn import_images(&self, archive: &Path) -> Result<()> {
        self.programs.import_images(archive)
    }

    /// # Errors
    /// This cluster does not have the program.
    pub fn pid(&self, component: Component) -> Result<u32> {
        Ok(self.programs.running(component)?.pid())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self, component: Component) -> Result<()> {
        self.programs.running_mut(component)?.kill()
    }

    /// Starts a program again, as it was, and waits until it is ready. It is killed first if it
    /// runs.
    pub fn restart(&mut self, component: Component) -> Result<()> {
        if self.programs.running_mut(component)?.is_running()? {
            self.kill(component)?;
        }
        self.programs.start(component)?;
        self.programs.wait_until_ready(component)
    }

    /// Stops every thread of a program: its connections stay open, nothing answers.
    pub fn freeze(&self, component: Component) -> Result<()> {
        self.programs.running(component)?.signal(Signal::SIGSTOP)
    }

    pub fn thaw(&self, component: Component) -> Result<()> {
        self.programs.running(component)?.signal(Signal::SIGCONT)
    }

    /// As [`etcd::compact`].
    pub fn compact(&self) -> Result<()> {
        etcd::compact(&self.programs.place)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What may bring something back goes before what it brings back.
        for process in self.programs.processes.values_mut().rev() {
            // It may have ended by itself.
            _ = process.kill();
        }
        self.keeper.sweep();
    }
}

/// Starts a cluster that outlives this process, and gives the path of its kubeconfig.
///
/// # Errors
/// As [`Cluster::start`].
pub fn start_detached(state: &Path, options: &Options) -> Result<PathBuf> {
    machine::prepare(options.node)?;
    let state = own_directory(state)?;
    let place = Place::new(state.clone(), Binary::get()?, options.clone())?;
    let mut programs = Programs::new(place);
    if let Err(error) = programs.bring_up() {
        sweep::sweep(&state)?;
        return Err(error);
    }
    Ok(programs.place.file(files::ADMIN))
}

/// Ends the cluster that [`start_detached`] left in `state`, and removes its state.
///
/// # Errors
/// Something of it could not be removed.
pub fn stop_detached(state: &Path) -> Result<()> {
    let state = state.canonicalize().with_context(|| state.display().to_string())?;
    sweep::sweep(&state)?;
    ensure!(!state.exists(), "{} could not be removed", state.display());
    Ok(())
}

/// Where pods of the cluster in `state` reach what listens on this machine.
///
/// # Errors
/// There is no cluster with a node.
pub fn gateway(state: &Path) -> Result<Ipv4Addr> {
    let path = state.join(NETWORK);
    let name = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let network = Network::named(name.trim());
    Ok(network.with_context(|| format!("{} names no network", path.display()))?.gateway())
}

/// Puts the images of an archive on the node of a cluster that [`start_detached`] started.
pub fn import_images(state: &Path, archive: &Path) -> Result<()> {
    import(&state.join(files::SOCKET), archive)
}

fn import(containerd: &Path, archive: &Path) -> Result<()> {
    let mut ctr = Command::new("ctr");
    ctr.arg("--address").arg(containerd);
    ctr.args(["--namespace", "k8s.io", "images", "import"]).arg(archive);
    command::output(&mut ctr).map(drop)
}

/// The file that names the network, for the sweep.
const NETWORK: &str = "network";

/// The directory for a cluster's state, with a name that every program can bear.
fn own_directory(state: &Path) -> Result<PathBuf> {
    fs::create_dir_all(state).with_context(|| state.display().to_string())?;
    let state = state.canonicalize()?;
    let empty = fs::read_dir(&state)?.next().is_none();
    ensure!(empty, "{} is not empty: a cluster starts with new state", state.display());
    let name = state.to_str().context("the state directory's name is no text")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if name.len() > LONGEST_STATE || !name.chars().all(plain) {
        bail!(
            "{name} cannot be a state directory: at most {LONGEST_STATE} letters, digits, `.`, `_` \
             and `-`, since sockets and mounts are in it"
        );
    }
    // Containers run as other users and reach their files through it.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755))?;
    Ok(state)
}

/// What runs, and where.
#[derive(Debug)]
struct Programs {
    place: Place,
    processes: BTreeMap<Component, Process>,
    /// Images so far. Each is assembled apart: several may be at once.
    images: AtomicU32,
}

impl Programs {
    fn new(place: Place) -> Self {
        Self { place, processes: BTreeMap::new(), images: AtomicU32::new(0) }
    }

    fn bring_up(&mut self) -> Result<()> {
        if self.place.options.node {
            let network = Network::claim()?;
            files::put(&self.place, NETWORK, &network.name())?;
            network.bring_up()?;
            control_group::create(&network.name())?;
            self.place.network = Some(network);
        }
        files::write(&self.place)?;
        self.start(Component::Etcd)?;
        if self.place.options.node {
            self.start(Component::Containerd)?;
        }
        self.wait_until_ready(Component::Etcd)?;
        self.start(Component::ApiServer)?;
        if self.place.options.node {
            self.wait_until_ready(Component::Containerd)?;
            let pause = Image::new(PAUSE_IMAGE, ["/bin/busybox", "sleep", "2147483647"]);
            let busybox = machine::program("busybox").context("busybox is not installed")?;
            self.load_image(&pause.file("/bin/busybox", busybox))?;
        }
        self.wait_until_ready(Component::ApiServer)?;
        let clients = [
            (Component::Kubelet, self.place.options.node),
            (Component::ControllerManager, self.place.options.controller_manager),
            (Component::Scheduler, self.place.options.scheduler),
        ];
        for (component, _) in clients.iter().filter(|(_, wanted)| *wanted) {
            self.start(*component)?;
        }
        for (component, _) in clients.iter().filter(|(_, wanted)| *wanted) {
            self.wait_until_ready(*component)?;
        }
        Ok(())
    }

    fn start(&mut self, component: Component) -> Result<()> {
        let process = Process::start(&self.place, component)?;
        self.processes.insert(component, process);
        Ok(())
    }

    fn wait_until_ready(&mut self, component: Component) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if readiness::is_ready(&self.place, component) {
                return Ok(());
            }
            self.running_mut(component)?;
            for process in self.processes.values_mut() {
                process.check(&self.place)?;
            }
            if Instant::now() > deadline {
                let log = end_of_log(&self.place, component);
                bail!("{component} was not ready within {START_LIMIT:?}:\n{log}");
            }
            thread::sleep(PAUSE);
        }
    }

    fn running(&self, component: Component) -> Result<&Process> {
        self.processes
            .get(&component)
            .with_context(|| format!("this cluster was started without {component}"))
    }

    fn running_mut(&mut self, component: Component) -> Result<&mut Process> {
        self.processes
            .get_mut(&component)
            .with_context(|| format!("this cluster was started without {component}"))
    }

    fn kubectl(&self) -> Command {
        let mut kubectl = Command::new(self.place.binary.program("kubectl"));
        kubectl.env("KUBECONFIG", self.place.file(files::ADMIN));
        kubectl
    }

    fn load_image(&self, image: &Image) -> Result<()> {
        let number = self.images.fetch_add(1, Ordering::Relaxed);
        let dir = self.place.file(format!("images/{number}"));
        self.import_images(&image.archive(&dir)?)?;
        fs::remove_dir_all(&dir)?;
        Ok(())
    }

    fn import_images(&self, archive: &Path) -> Result<()> {
        self.running(Component::Containerd)?;
        import(&self.place.file(files::SOCKET), archive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_that_programs_cannot_bear_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |name: &str| own_directory(&dir.path().join(name)).unwrap_err().to_string();
        assert!(refused("two words").contains("cannot be a state directory"));
        assert!(refused(&"long".repeat(30)).contains("at most 80"));
        fs::create_dir(dir.path().join("used")).unwrap();
        fs::write(dir.path().join("used/file"), "").unwrap();
        assert!(refused("used").contains("is not empty"));
    }
}
