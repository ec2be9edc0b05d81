//! One broker: its configuration, its process and what can be done to it.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::{access::Access, distribution::Distribution, http};

const START_LIMIT: Duration = Duration::from_secs(120);

/// Where a broker listens. Kept over a restart, as a broker's address would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Pulsar's protocol.
    pub broker: u16,
    /// The admin API.
    pub web: u16,
    /// BookKeeper, used by the broker alone.
    pub bookie: u16,
}

impl Ports {
    /// Pulsar's own.
    pub const STANDARD: Self = Self { broker: 6650, web: 8080, bookie: 3181 };

    /// Three that nobody listens on now.
    pub fn free() -> Result<Self> {
        // Held together, so that they differ.
        let held = [0; 3].map(|port: u16| TcpListener::bind(("127.0.0.1", port)));
        let [broker, web, bookie] = held;
        Ok(Self {
            broker: broker?.local_addr()?.port(),
            web: web?.local_addr()?.port(),
            bookie: bookie?.local_addr()?.port(),
        })
    }

    pub fn service_url(self) -> String {
        format!("pulsar://127.0.0.1:{}", self.broker)
    }

    pub fn web_url(self) -> String {
        format!("http://127.0.0.1:{}", self.web)
    }
}

/// Whether the admin API of a broker on these ports answers.
pub fn answers(ports: Ports, access: &Access) -> bool {
    let page = http::get_as(ports.web, "/admin/v2/namespaces/public/default", access.token());
    page.is_ok_and(|page| page.status == 200)
}

/// A running broker that ends, with its state, when this value or the whole process does.
#[derive(Debug)]
pub struct Standalone {
    distribution: Distribution,
    pub ports: Ports,
    access: Access,
    state: PathBuf,
    process: Child,
    /// Open as long as this process lives; its end tells the keeper to clean up.
    _keeper: ChildStdin,
}

impl Standalone {
    /// Starts a broker with new state in `state` and waits until it answers.
    ///
    /// # Errors
    /// No JDK, no distribution, or the broker did not come up; the error shows the end of its log.
    pub fn start(state: &Path, ports: Ports) -> Result<Self> {
        Self::start_advertising(state, ports, Ipv4Addr::LOCALHOST, Access::Everybody)
    }

    /// As [`Standalone::start`], for clients that reach this machine at `address`.
    ///
    /// # Errors
    /// As [`Standalone::start`].
    pub fn start_advertising(
        state: &Path,
        ports: Ports,
        address: Ipv4Addr,
        access: Access,
    ) -> Result<Self> {
        let distribution = Distribution::fetch()?;
        configure(&distribution, state, ports, address, &access)?;
        let process = launch(&distribution, state)?;
        let keeper = keep(state)?;
        let mut broker =
            Self { distribution, ports, access, state: state.to_owned(), process, _keeper: keeper };
        broker.wait_until_up()?;
        Ok(broker)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts again on the same ports and state, after [`Standalone::kill`].
    pub fn start_again(&mut self) -> Result<()> {
        self.process = launch(&self.distribution, &self.state)?;
        self.wait_until_up()
    }

    /// Stops every thread of the broker: connections stay open, nothing answers.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.process.id())?);
        signal::kill(pid, signal).with_context(|| format!("{signal} to the broker"))
    }

    fn wait_until_up(&mut self) -> Result<()> {
        wait_until_up(&mut self.process, &self.state, self.ports, &self.access)
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        // It may have ended by itself. The keeper removes the state.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Starts a broker that outlives this process, for clients that reach this machine at `address`,
/// and gives its process id.
///
/// # Errors
/// As [`Standalone::start`].
pub fn start_detached(state: &Path, ports: Ports, address: Ipv4Addr) -> Result<u32> {
    let distribution = Distribution::fetch()?;
    configure(&distribution, state, ports, address, &Access::Everybody)?;
    let mut process = launch(&distribution, state)?;
    wait_until_up(&mut process, state, ports, &Access::Everybody)?;
    Ok(process.id())
}

/// Ends the broker that [`start_detached`] left in `state`, and removes its state. False if there
/// was none.
pub fn stop_detached(state: &Path) -> Result<bool> {
    let Ok(pid) = fs::read_to_string(state.join("pid")) else { return Ok(false) };
    let pid = Pid::from_raw(pid.trim().parse().context("the pid file holds no number")?);
    let was_running = signal::kill(pid, Signal::SIGTERM).is_ok();
    let deadline = Instant::now() + Duration::from_secs(30);
    while signal::kill(pid, None).is_ok() {
        if Instant::now() > deadline {
            signal::kill(pid, Signal::SIGKILL)?;
        }
        thread::sleep(Duration::from_millis(100));
    }
    fs::remove_dir_all(state)?;
    Ok(was_running)
}

/// Writes the broker's configuration: the distribution's own, with these values instead.
fn configure(
    distribution: &Distribution,
    state: &Path,
    ports: Ports,
    address: Ipv4Addr,
    access: &Access,
) -> Result<()> {
    fs::create_dir_all(state.join("log"))?;
    for (name, content) in access.files() {
        fs::write(state.join(name), content)?;
    }
    let mut settings = vec![
        ("brokerServicePort", ports.broker.to_string()),
        ("webServicePort", ports.web.to_string()),
        ("enablePackagesManagement", "true".to_owned()),
        (
            "packagesManagementStorageProvider",
            "org.apache.pulsar.packages.management.storage.filesystem.FileSystemPackagesStorageProvider"
                .to_owned(),
        ),
        ("STORAGE_PATH", state.join("packages").display().to_string()),
        // There is one bookie: in quarantine after a few errors, as after a kill, it leaves none.
        ("bookkeeperClientHealthCheckEnabled", "false".to_owned()),
        // A test looks at what is in a topic after everybody has left it.
        ("brokerDeleteInactiveTopicsEnabled", "false".to_owned()),
        ("defaultRetentionTimeInMinutes", "-1".to_owned()),
        ("defaultRetentionSizeInMB", "-1".to_owned()),
    ];
    settings.extend(access.settings(state));
    let template = distribution.home.join("conf/standalone.conf");
    let template = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
    let mut lines: Vec<String> = template
        .lines()
        .filter(|line| {
            let name = line.split('=').next().unwrap_or_default().trim();
            !settings.iter().any(|(ours, _)| *ours == name)
        })
        .map(str::to_owned)
        .collect();
    lines.extend(settings.iter().map(|(name, value)| format!("{name}={value}")));
    fs::write(state.join("standalone.conf"), lines.join("\n"))?;
    fs::write(state.join("bookie-port"), ports.bookie.to_string())?;
    fs::write(state.join("advertised-address"), address.to_string())?;
    Ok(())
}

fn launch(distribution: &Distribution, state: &Path) -> Result<Child> {
    let log = File::options().create(true).append(true).open(state.join("log/standalone.out"))?;
    let bookie_port = fs::read_to_string(state.join("bookie-port"))?;
    let address = fs::read_to_string(state.join("advertised-address"))?;
    // The script replaces itself by java, so its process is the broker's.
    let process = Command::new(distribution.home.join("bin/pulsar"))
        .args(["standalone", "--no-functions-worker", "--no-stream-storage"])
        .args(["--advertised-address", address.trim(), "--bookkeeper-port", bookie_port.trim()])
        .arg("--metadata-dir")
        .arg(state.join("metadata"))
        .arg("--bookkeeper-dir")
        .arg(state.join("bookkeeper"))
        .current_dir(state)
        .env("PULSAR_STANDALONE_CONF", state.join("standalone.conf"))
        .env("PULSAR_LOG_DIR", state.join("log"))
        .env("PULSAR_MEM", "-Xms512m -Xmx1g -XX:MaxDirectMemorySize=1g")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("{}/bin/pulsar did not start", distribution.home.display()))?;
    fs::write(state.join("pid"), process.id().to_string())?;
    Ok(process)
}

/// A shell that waits for our end, then ends the broker and removes its state: a test process
/// that is killed leaves nothing behind.
fn keep(state: &Path) -> Result<ChildStdin> {
    let script = r#"read -r _; kill -KILL "$(cat "$1/pid")" 2>/dev/null; rm -rf -- "$1""#;
    let mut keeper = Command::new("sh")
        .args(["-c", script, "keeper"])
        .arg(state)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("sh did not start")?;
    keeper.stdin.take().context("the keeper has no input")
}

fn wait_until_up(process: &mut Child, state: &Path, ports: Ports, access: &Access) -> Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if answers(ports, access) {
            return Ok(());
        }
        if let Some(status) = process.try_wait()? {
            bail!("the broker ended with {status}:\n{}", end_of_log(state));
        }
        if Instant::now() > deadline {
            bail!("the broker did not answer in {START_LIMIT:?}:\n{}", end_of_log(state));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn end_of_log(state: &Path) -> String {
    let log = fs::read_to_string(state.join("log/standalone.out")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let first = lines.len().saturating_sub(20);
    lines.get(first..).unwrap_or_default().join("\n")
}
