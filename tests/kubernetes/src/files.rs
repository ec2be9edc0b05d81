//! The files that a cluster's programs are started with: keys, tokens, configuration.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    command, machine,
    network::Network,
    programs::{Component, Place},
};

/// The only node.
pub const NODE_NAME: &str = "node1";
/// What every sandbox runs: it holds the pod's network and sleeps.
pub const PAUSE_IMAGE: &str = "localhost/pause:1";

pub(crate) const AUTHORITY: &str = "pki/ca.crt";
pub(crate) const CERTIFICATE: &str = "pki/server.crt";
pub(crate) const KEY: &str = "pki/server.key";
pub(crate) const SERVICE_ACCOUNT_KEY: &str = "pki/service-account.key";
pub(crate) const TOKENS: &str = "pki/tokens.csv";
pub(crate) const AUDIT_POLICY: &str = "audit.yaml";
pub(crate) const AUDIT_LOG: &str = "audit.log";
pub(crate) const ADMIN: &str = "kubeconfig";
pub(crate) const ADMIN_HEADER: &str = "pki/admin.header";
pub(crate) const SOCKET: &str = "containerd.sock";

/// Every write, every way into a container, and all that pods ask.
const AUDIT: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
  resources: [{group: '', resources: [pods/exec, pods/attach, pods/portforward]}]
- level: Metadata
  userGroups: ['system:serviceaccounts']
- level: None
";

/// Writes all of them.
///
/// # Errors
/// The directory cannot be written, or openssl refuses.
pub fn write(place: &Place) -> Result<()> {
    for dir in ["log", "run", "pki"] {
        fs::create_dir_all(place.file(dir))
            .with_context(|| place.file(dir).display().to_string())?;
    }
    // Keys and tokens are in it.
    fs::set_permissions(place.file("pki"), fs::Permissions::from_mode(0o700))?;
    keys(place)?;
    tokens(place)?;
    put(place, AUDIT_POLICY, AUDIT)?;
    if let Some(network) = &place.network {
        put(place, "containerd.toml", &containerd(place)?)?;
        put(place, "kubelet.yaml", &kubelet(place, network))?;
        fs::create_dir_all(place.file("cni"))?;
        put(place, "cni/10-pods.conflist", &pod_network(place, network))?;
    }
    Ok(())
}

/// A kubeconfig for the bearer of a token.
pub fn kubeconfig(place: &Place, token: &str) -> String {
    let server = place.api_server();
    let authority = place.file(AUTHORITY);
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters: [{{name: local, cluster: {{server: 'https://{server}', certificate-authority: '{}'}}}}]\n\
         users: [{{name: bearer, user: {{token: '{token}'}}}}]\n\
         contexts: [{{name: local, context: {{cluster: local, user: bearer}}}}]\n\
         current-context: local\n",
        authority.display()
    )
}

pub(crate) fn put(place: &Place, name: &str, content: &str) -> Result<()> {
    let path = place.file(name);
    fs::write(&path, content).with_context(|| path.display().to_string())
}

/// An authority, and one certificate that serves the API server and the kubelet. Elliptic: a
/// cluster is started often, and these keys are made in no time.
fn keys(place: &Place) -> Result<()> {
    let pki = place.file("pki");
    let openssl = |arguments: &[&str]| {
        command::output(Command::new("openssl").args(arguments).current_dir(&pki)).map(drop)
    };
    let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650";
    let new: Vec<&str> = request.split(' ').collect();
    let certificate = |more: &[&str]| openssl(&[new.as_slice(), more].concat());
    certificate(&["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=kubernetes"])?;
    let mut names =
        "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
         DNS:localhost,IP:127.0.0.1"
            .to_owned();
    if let Some(network) = &place.network {
        write!(names, ",IP:{},IP:{}", network.gateway(), network.api_server())?;
    }
    let usage = "extendedKeyUsage=serverAuth,clientAuth";
    let subject = "/O=system:masters/CN=kube-apiserver";
    let signed =
        ["-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.crt"];
    let about = ["-subj", subject, "-addext", &names, "-addext", usage];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    certificate(&[signed.as_slice(), &about, &leaf].concat())?;
    openssl(&["ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", "service-account.key"])
}

/// Who may ask the API server. Each program has a name of its own, so that the audit log tells
/// their writes apart.
fn tokens(place: &Place) -> Result<()> {
    let mut list = String::new();
    let admin = token()?;
    writeln!(list, "{admin},admin,admin,system:masters")?;
    put(place, ADMIN, &kubeconfig(place, &admin))?;
    put(place, ADMIN_HEADER, &format!("Authorization: Bearer {admin}"))?;
    let programs = [
        (Component::ControllerManager, "system:kube-controller-manager".to_owned()),
        (Component::Scheduler, "system:kube-scheduler".to_owned()),
        (Component::Kubelet, format!("system:node:{NODE_NAME}")),
    ];
    for (component, user) in programs {
        let token = token()?;
        writeln!(list, "{token},{user},{component},\"system:masters,system:nodes\"")?;
        let name = format!("{component}.kubeconfig");
        put(place, &name, &kubeconfig(place, &token))?;
        fs::set_permissions(place.file(name), fs::Permissions::from_mode(0o600))?;
    }
    fs::set_permissions(place.file(ADMIN), fs::Permissions::from_mode(0o600))?;
    put(place, TOKENS, &list)
}

fn token() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn containerd(place: &Place) -> Result<String> {
    let plugins = machine::network_plugins().context("the container network plugins are gone")?;
    let state = place.state.display();
    // Without CAP_SYS_RESOURCE no process may be given a lower score than its parent's.
    Ok(format!(
        r#"version = 2
root = "{state}/containerd"
state = "{state}/containerd-run"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{state}/{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{}"
    conf_dir = "{state}/cni"
"#,
        plugins.display()
    ))
}

fn kubelet(place: &Place, network: &Network) -> String {
    let state = place.state.display();
    // Images come from here only, so none may be collected; the machine's disk and cgroup version
    // are what they are.
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {gateway}
port: {port}
healthzPort: 0
tlsCertFile: {state}/{CERTIFICATE}
tlsPrivateKeyFile: {state}/{KEY}
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: false}}
  x509: {{clientCAFile: {state}/{AUTHORITY}}}
authorization: {{mode: AlwaysAllow}}
containerRuntimeEndpoint: unix://{state}/{SOCKET}
cgroupDriver: cgroupfs
cgroupRoot: /{name}
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {{memory.available: 50Mi, nodefs.available: "1%", imagefs.available: "1%"}}
imageGCHighThresholdPercent: 100
serializeImagePulls: false
makeIPTablesUtilChains: false
podLogsDir: {state}/pod-logs
volumePluginDir: {state}/volume-plugins
"#,
        gateway = network.gateway(),
        port = place.kubelet,
        name = network.name(),
    )
}

fn pod_network(place: &Place, network: &Network) -> String {
    let leases = place.file("cni-leases");
    serde_json::json!({
        "cniVersion": "0.4.0",
        "name": network.name(),
        "plugins": [{
            "type": "bridge",
            "bridge": network.name(),
            "isGateway": true,
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": path(&leases),
                "ranges": [[{ "subnet": network.pods(), "gateway": network.gateway() }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
    .to_string()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
