//! The programs of a cluster and how each is started.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    binary::Binary,
    files::{self, NODE_NAME},
    machine,
    network::Network,
};

/// One program of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    Etcd,
    Containerd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kubelet,
}

impl Component {
    /// The program's name, also that of its log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Containerd => "containerd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What a cluster consists of, besides etcd and the API server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Controllers of Kubernetes' own: stateful sets get pods, namespaces a service account,
    /// what has lost its owner is deleted.
    pub controller_manager: bool,
    /// Pods get a node.
    pub scheduler: bool,
    /// A node that runs pods: containerd, kubelet, a bridge. Needs root.
    pub node: bool,
    /// API versions that are off unless asked for, such as `apps/v1beta1=true`.
    pub runtime_config: Vec<String>,
}

impl Options {
    /// All of it: pods run.
    pub fn whole() -> Self {
        Self { controller_manager: true, scheduler: true, node: true, runtime_config: Vec::new() }
    }

    /// etcd and the API server: objects are kept, nothing happens to them.
    pub fn api_server() -> Self {
        Self { controller_manager: false, scheduler: false, node: false, ..Self::whole() }
    }

    /// Without a node: pods are made and stay pending.
    pub fn control_plane() -> Self {
        Self { node: false, ..Self::whole() }
    }
}

/// Where one cluster's programs and files are. The same over a restart.
#[derive(Clone, Debug)]
pub struct Place {
    pub state: PathBuf,
    pub binary: Binary,
    pub options: Options,
    /// Only with a node.
    pub network: Option<Network>,
    etcd: u16,
    etcd_peer: u16,
    api_server: u16,
    pub kubelet: u16,
}

impl Place {
    /// With ports that nobody listens on now.
    pub fn new(state: PathBuf, binary: Binary, options: Options) -> Result<Self> {
        // Held together, so that they differ.
        let held = [0; 4].map(|port: u16| TcpListener::bind(("0.0.0.0", port)));
        let [etcd, etcd_peer, api_server, kubelet] = held;
        Ok(Self {
            state,
            binary,
            options,
            network: None,
            etcd: etcd?.local_addr()?.port(),
            etcd_peer: etcd_peer?.local_addr()?.port(),
            api_server: api_server?.local_addr()?.port(),
            kubelet: kubelet?.local_addr()?.port(),
        })
    }

    pub fn etcd(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    /// Where the API server listens.
    pub fn api_server(&self) -> SocketAddr {
        match &self.network {
            // The port that pods are told, on an address that is only this cluster's.
            Some(network) => (network.api_server(), 443).into(),
            None => ([127, 0, 0, 1], self.api_server).into(),
        }
    }

    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.state.join(name)
    }

    pub fn log(&self, component: Component) -> PathBuf {
        self.state.join(format!("log/{component}.log"))
    }

    pub fn pid_file(&self, component: Component) -> PathBuf {
        self.state.join(format!("run/{component}.pid"))
    }

    /// The command that starts a program. Each names the state directory in an argument: the sweep
    /// knows its processes by that.
    pub fn command(&self, component: Component) -> Result<Command> {
        let mut command = match component {
            Component::Containerd => Command::new(
                machine::program(component.name())
                    .with_context(|| format!("{component} is not installed"))?,
            ),
            _ => Command::new(self.binary.program(component.name())),
        };
        command.args(match component {
            Component::Etcd => self.etcd_arguments(),
            Component::Containerd => {
                vec![format!("--config={}", self.file("containerd.toml").display())]
            }
            Component::ApiServer => self.api_server_arguments(),
            Component::ControllerManager => self.controller_manager_arguments(),
            Component::Scheduler => self.client_arguments(component),
            Component::Kubelet => self.kubelet_arguments(),
        });
        Ok(command)
    }

    fn etcd_arguments(&self) -> Vec<String> {
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer);
        vec![
            format!("--data-dir={}", self.file("etcd").display()),
            format!("--listen-client-urls={}", self.etcd()),
            format!("--advertise-client-urls={}", self.etcd()),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // A test has nothing to keep over a power cut.
            "--unsafe-no-fsync".to_owned(),
        ]
    }

    fn api_server_arguments(&self) -> Vec<String> {
        let address = self.api_server();
        let path = |flag: &str, file: &str| format!("--{flag}={}", self.file(file).display());
        let services = self.network.as_ref().map_or("10.90.0.0/16".to_owned(), Network::services);
        let mut arguments = vec![
            format!("--etcd-servers={}", self.etcd()),
            format!("--bind-address={}", address.ip()),
            format!("--advertise-address={}", address.ip()),
            format!("--secure-port={}", address.port()),
            // Its address is this machine's: there is nothing to keep endpoints of.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--service-cluster-ip-range={services}"),
            path("tls-cert-file", files::CERTIFICATE),
            path("tls-private-key-file", files::KEY),
            path("kubelet-client-certificate", files::CERTIFICATE),
            path("kubelet-client-key", files::KEY),
            path("kubelet-certificate-authority", files::AUTHORITY),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            path("service-account-key-file", files::SERVICE_ACCOUNT_KEY),
            path("service-account-signing-key-file", files::SERVICE_ACCOUNT_KEY),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            path("token-auth-file", files::TOKENS),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            path("audit-policy-file", files::AUDIT_POLICY),
            path("audit-log-path", files::AUDIT_LOG),
            "--profiling=false".to_owned(),
        ];
        if !self.options.runtime_config.is_empty() {
            arguments.push(format!("--runtime-config={}", self.options.runtime_config.join(",")));
        }
        arguments
    }

    fn controller_manager_arguments(&self) -> Vec<String> {
        let mut arguments = self.client_arguments(Component::ControllerManager);
        arguments.extend([
            format!(
                "--service-account-private-key-file={}",
                self.file(files::SERVICE_ACCOUNT_KEY).display()
            ),
            format!("--root-ca-file={}", self.file(files::AUTHORITY).display()),
            // All but those that need a cloud, join nodes or migrate storage.
            "--controllers=*,-bootstrap-signer-controller,-token-cleaner-controller,\
             -certificatesigningrequest-signing-controller,\
             -certificatesigningrequest-approving-controller,\
             -certificatesigningrequest-cleaner-controller,-node-ipam-controller,\
             -ttl-controller,-legacy-serviceaccount-token-cleaner-controller"
                .to_owned(),
        ]);
        arguments
    }

    /// Of a program that is a client of the API server, and nobody's server.
    fn client_arguments(&self, component: Component) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.kubeconfig(component).display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--profiling=false".to_owned(),
            // A test of hundreds of functions waits for us, not for Kubernetes' own patience.
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ]
    }

    fn kubelet_arguments(&self) -> Vec<String> {
        let address = self.network.as_ref().map(|network| network.gateway().to_string());
        vec![
            format!("--kubeconfig={}", self.kubeconfig(Component::Kubelet).display()),
            format!("--config={}", self.file("kubelet.yaml").display()),
            format!("--root-dir={}", self.file("kubelet").display()),
            format!("--hostname-override={NODE_NAME}"),
            format!("--node-ip={}", address.unwrap_or_default()),
        ]
    }

    /// How a program of the cluster itself reaches the API server.
    pub fn kubeconfig(&self, component: Component) -> PathBuf {
        self.file(format!("{component}.kubeconfig"))
    }
}
