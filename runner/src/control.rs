//! Pulsar's InstanceControl service: what the function worker asks an instance.
//!
//! One port serves one instance, as in Pulsar. With several instances in a process the first has
//! the configured port, and instance *i* after it that port plus *i*; with port 0 each takes a
//! free one. Health checks are answered, and their absence ends nothing: Kubernetes' probes go to
//! the HTTP port.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use function_mesh_proto::instance_communication::{
    FunctionStatus, HealthCheckResult, MetricsData,
    function_status::ExceptionInformation,
    instance_control_server::{InstanceControl, InstanceControlServer},
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, transport::Server};
use tracing::{Instrument, warn};

use crate::{
    admin::{self, readiness::LatchView},
    fault::Fault,
    metrics::{Figures, InstanceMetrics, LatestFailure},
};

/// Every answer is a few numbers: whoever takes longer is cut off.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls under way on one connection.
const MAX_CALLS: u32 = 16;

/// A stop waits no longer than this for calls under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// An instance as the service tells of it.
#[derive(Clone, Debug)]
pub struct Controlled {
    pub metrics: Arc<InstanceMetrics>,
    /// The instance's latch: while it is not ready, the status says why.
    pub latch: LatchView,
}

/// The running service of one instance. Dropping it stops it; [`Control::stop`] also waits.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Control {
    /// Serves an instance on all addresses of the host. `position` counts the instances of this
    /// process from 0, and `port` is that of the first.
    ///
    /// # Errors
    /// The port cannot be had.
    pub async fn start(port: u16, position: u16, instance: Controlled) -> Result<Self, Fault> {
        let port = match port {
            0 => 0,
            first => first.checked_add(position).ok_or_else(|| {
                Fault::system(format!(
                    "instance {position} has no control port: {first} + {position} is beyond 65535"
                ))
                .permanent()
            })?,
        };
        let (listener, address) = admin::listen(port).await?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = async move {
            let served = Server::builder()
                .timeout(CALL_TIMEOUT)
                .concurrency_limit_per_connection(MAX_CALLS as usize)
                .max_concurrent_streams(MAX_CALLS)
                .http2_keepalive_interval(Some(Duration::from_secs(60)))
                .add_service(InstanceControlServer::new(instance))
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
                .await;
            if let Err(error) = served {
                warn!(error = &error as &dyn std::error::Error, "the control port ended");
            }
        };
        Ok(Self { address, stop, serving: tokio::spawn(serving.in_current_span()) })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and closes all connections.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if timeout(STOP_TIMEOUT, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tonic::async_trait]
impl InstanceControl for Controlled {
    async fn get_function_status(
        &self,
        _: Request<()>,
    ) -> Result<Response<FunctionStatus>, Status> {
        let figures = self.metrics.figures();
        Ok(Response::new(FunctionStatus {
            running: true,
            failure_exception: self.latch.missing().unwrap_or_default(),
            // Restarts of the process are counted by who restarts it.
            num_restarts: 0,
            num_received: signed(figures.received),
            num_successfully_processed: signed(figures.processed),
            num_user_exceptions: signed(figures.user_exceptions),
            latest_user_exceptions: told(&figures.latest_user_failures),
            num_system_exceptions: signed(figures.system_exceptions),
            latest_system_exceptions: told(&figures.latest_system_failures),
            num_source_exceptions: signed(figures.source_exceptions),
            latest_source_exceptions: told(&figures.latest_source_failures),
            num_sink_exceptions: signed(figures.sink_exceptions),
            latest_sink_exceptions: told(&figures.latest_sink_failures),
            average_latency: figures.average_latency,
            last_invocation_time: signed(figures.last_invocation),
            instance_id: self.metrics.instance_id().to_string(),
            worker_id: String::new(),
        }))
    }

    async fn get_and_reset_metrics(&self, _: Request<()>) -> Result<Response<MetricsData>, Status> {
        let figures = self.metrics.figures();
        self.metrics.reset();
        Ok(Response::new(data(&figures)))
    }

    async fn reset_metrics(&self, _: Request<()>) -> Result<Response<()>, Status> {
        self.metrics.reset();
        Ok(Response::new(()))
    }

    async fn get_metrics(&self, _: Request<()>) -> Result<Response<MetricsData>, Status> {
        Ok(Response::new(data(&self.metrics.figures())))
    }

    async fn health_check(&self, _: Request<()>) -> Result<Response<HealthCheckResult>, Status> {
        Ok(Response::new(HealthCheckResult { success: true }))
    }
}

fn data(figures: &Figures) -> MetricsData {
    let minute = &figures.last_minute;
    MetricsData {
        received_total: signed(figures.received),
        received_total_1min: signed(minute.received),
        processed_successfully_total: signed(figures.processed),
        processed_successfully_total_1min: signed(minute.processed),
        system_exceptions_total: signed(figures.system_exceptions),
        system_exceptions_total_1min: signed(minute.system_exceptions),
        user_exceptions_total: signed(figures.user_exceptions),
        user_exceptions_total_1min: signed(minute.user_exceptions),
        avg_process_latency: figures.average_latency,
        avg_process_latency_1min: minute.average_latency,
        last_invocation: signed(figures.last_invocation),
        user_metrics: figures.user_metric_values().collect(),
    }
}

fn told(failures: &[LatestFailure]) -> Vec<ExceptionInformation> {
    failures
        .iter()
        .map(|failure| {
            let since = failure.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            ExceptionInformation {
                exception_string: failure.text.clone(),
                ms_since_epoch: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            }
        })
        .collect()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use function_mesh_proto::{
        instance_communication::instance_control_client::InstanceControlClient, plan::FunctionId,
    };
    use tonic::transport::{Channel, Endpoint};

    use super::*;
    use crate::{admin::Readiness, metrics::InstanceLabels, source::Budget};

    async fn served(latch: LatchView) -> (Control, Arc<InstanceMetrics>) {
        let function = FunctionId { tenant: "t".into(), namespace: "ns".into(), name: "f".into() };
        let labels = InstanceLabels { function, instance_id: 4, cluster: "local".into() };
        let metrics = Arc::new(InstanceMetrics::new(labels, Budget::new(1, 1)));
        let instance = Controlled { metrics: metrics.clone(), latch };
        (Control::start(0, 0, instance).await.unwrap(), metrics)
    }

    async fn client(control: &Control) -> InstanceControlClient<Channel> {
        let url = format!("http://127.0.0.1:{}", control.address().port());
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        InstanceControlClient::new(channel)
    }

    #[tokio::test]
    async fn the_status_tells_counts_and_latest_failures() {
        let latch = Readiness::new().latch("f");
        latch.ready();
        let (control, metrics) = served(latch.watch()).await;
        metrics.received(3);
        metrics.processed(1);
        metrics.invoked(4, Duration::from_millis(6));
        metrics.failed(&Fault::user("boom"));
        metrics.failed(&Fault::sink("topic gone"));
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let status = client(&control).await.get_function_status(()).await.unwrap().into_inner();
        let at = status.latest_user_exceptions[0].ms_since_epoch;
        assert!((0..60_000).contains(&(before.as_millis() as i64 - at)), "{at}");
        let failure = |text: &str| {
            vec![ExceptionInformation { exception_string: text.into(), ms_since_epoch: at }]
        };
        let texts = |list: &[ExceptionInformation]| {
            list.iter().map(|e| e.exception_string.clone()).collect::<Vec<_>>()
        };
        assert_eq!(status.latest_user_exceptions, failure("boom"));
        assert_eq!(texts(&status.latest_system_exceptions), ["topic gone"]);
        assert_eq!(texts(&status.latest_sink_exceptions), ["topic gone"]);
        assert_eq!(texts(&status.latest_source_exceptions), Vec::<String>::new());
        assert_eq!((status.num_received, status.num_successfully_processed), (3, 1));
        assert_eq!((status.num_user_exceptions, status.num_system_exceptions), (1, 1));
        assert_eq!((status.num_source_exceptions, status.num_sink_exceptions), (0, 1));
        assert_eq!(status.average_latency, 1.5);
        assert!(status.last_invocation_time > 0);
        assert_eq!((status.instance_id.as_str(), status.failure_exception.as_str()), ("4", ""));
        assert!(status.running);
    }

    #[tokio::test]
    async fn an_instance_that_does_not_consume_says_why() {
        let latch = Readiness::new().latch("f");
        let (control, _metrics) = served(latch.watch()).await;
        latch.not_ready("no connection to pulsar://broker:6650");
        let mut client = client(&control).await;
        let status = client.get_function_status(()).await.unwrap().into_inner();
        assert_eq!(status.failure_exception, "no connection to pulsar://broker:6650");
        assert!(client.health_check(()).await.unwrap().into_inner().success);
    }

    #[tokio::test]
    async fn metrics_are_read_and_the_minute_is_reset() {
        let (control, metrics) = served(Readiness::new().latch("f").watch()).await;
        metrics.received(5);
        metrics.user_metric("letters", 2.0);
        let mut client = client(&control).await;
        let read = client.get_and_reset_metrics(()).await.unwrap().into_inner();
        assert_eq!((read.received_total, read.received_total_1min), (5, 5));
        assert_eq!(read.user_metrics.get("user_metric_letters_sum"), Some(&2.0));
        metrics.received(1);
        let read = client.get_metrics(()).await.unwrap().into_inner();
        assert_eq!((read.received_total, read.received_total_1min), (6, 1));
        assert!(read.user_metrics.is_empty());
        client.reset_metrics(()).await.unwrap();
        let read = client.get_metrics(()).await.unwrap().into_inner();
        assert_eq!((read.received_total, read.received_total_1min), (6, 0));
    }

    #[tokio::test]
    async fn a_stop_ends_connections_that_are_open() {
        let (control, _metrics) = served(Readiness::new().latch("f").watch()).await;
        let mut client = client(&control).await;
        client.health_check(()).await.unwrap();
        control.stop().await;
        assert!(client.health_check(()).await.is_err());
    }

    #[tokio::test]
    async fn each_instance_of_a_process_has_a_port_of_its_own() {
        let (first, metrics) = served(Readiness::new().latch("f").watch()).await;
        let latch = Readiness::new().latch("g").watch();
        let instance = Controlled { metrics, latch };
        // The base is one below a port that is taken, so position 1 must be refused by its name.
        let taken = first.address().port();
        let fault = Control::start(taken - 1, 1, instance.clone()).await.unwrap_err();
        assert!(fault.to_string().starts_with(&format!("port {taken}: ")), "{fault}");
        let fault = Control::start(65_535, 1, instance).await.unwrap_err();
        assert!(fault.to_string().contains("65535 + 1 is beyond 65535"), "{fault}");
    }
}
