//! WASI 0.2, as far as a standard library needs it to start, with nothing behind it: no files, no
//! arguments, an empty environment, no input. Output becomes log lines; clocks and random numbers
//! work. Sockets and HTTP are not linked at all.

use std::{future::Future, pin::Pin, task::Poll};

use bytes::Bytes;
use tokio::{
    io::{self, AsyncWrite},
    runtime::Handle,
    time::{Instant, timeout_at},
};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::{
        DynPollable, OutputStream, Pollable, StreamResult,
        bindings::{self, sync},
    },
    random::{WasiRandom, WasiRandomView},
};

use super::{
    Host,
    log::{Lines, Stream},
};
use crate::invoke::wasm::limits::LimitHit;

/// Bytes one call for random numbers may ask for.
const RANDOM_BYTES: u64 = 1 << 20;
/// Streams, pollables and the like that a guest may hold.
const RESOURCES: usize = 1_000;
/// Bytes the guest may print at once.
const WRITE_BYTES: usize = 64 << 10;

/// The interfaces that [`link`] adds, without their versions.
const OFFERED: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Whether an interface is one that guests get. Versions are for the linker to compare.
pub(in crate::invoke::wasm) fn offers(import: &str) -> bool {
    let interface = import.split_once('@').map_or(import, |(interface, _)| interface);
    OFFERED.contains(&interface) || interface.starts_with("function-mesh:function/")
}

pub(super) fn context(lines: &Lines) -> WasiCtx {
    WasiCtx::builder()
        .stdout(Printed { lines: lines.clone(), stream: Stream::Stdout })
        .stderr(Printed { lines: lines.clone(), stream: Stream::Stderr })
        .max_random_size(RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

pub(super) fn resources() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES);
    table
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use bindings::{cli, clocks, filesystem, random};
    cli::environment::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::exit::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stdin::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stdout::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stderr::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_input::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_output::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    clocks::wall_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    random::random::add_to_linker::<Host, WasiRandom>(linker, Host::random)?;
    random::insecure::add_to_linker::<Host, WasiRandom>(linker, Host::random)?;
    random::insecure_seed::add_to_linker::<Host, WasiRandom>(linker, Host::random)?;
    filesystem::preopens::add_to_linker::<Host, WasiFilesystem>(linker, Host::filesystem)?;
    sync::filesystem::types::add_to_linker::<Host, WasiFilesystem>(linker, Host::filesystem)?;
    bindings::io::error::add_to_linker::<Host, Table>(linker, |host| &mut host.table)?;
    sync::io::streams::add_to_linker::<Host, Table>(linker, |host| &mut host.table)?;
    sync::io::poll::add_to_linker::<Host, Waiting<'static>>(linker, |host| Waiting {
        table: &mut host.table,
        runtime: &host.runtime,
        deadline: host.deadline,
    })
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Waiting for time to pass, at most until the guest call's deadline: the epoch ends loops in the
/// guest, but a guest that sleeps is in the host.
struct Waiting<'a> {
    table: &'a mut ResourceTable,
    runtime: &'a Handle,
    deadline: Instant,
}

impl HasData for Waiting<'static> {
    type Data<'a> = Waiting<'a>;
}

impl Waiting<'_> {
    fn wait<T>(
        runtime: &Handle,
        deadline: Instant,
        waiting: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        runtime
            .block_on(async { timeout_at(deadline, waiting).await })
            .unwrap_or_else(|_| Err(LimitHit::Deadline.into()))
    }
}

impl sync::io::poll::Host for Waiting<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let waiting = bindings::io::poll::Host::poll(self.table, pollables);
        Self::wait(self.runtime, self.deadline, waiting)
    }
}

impl sync::io::poll::HostPollable for Waiting<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        let waiting = bindings::io::poll::HostPollable::ready(self.table, pollable);
        Self::wait(self.runtime, self.deadline, waiting)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        let waiting = bindings::io::poll::HostPollable::block(self.table, pollable);
        Self::wait(self.runtime, self.deadline, waiting)
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        bindings::io::poll::HostPollable::drop(self.table, pollable)
    }
}

/// Standard output or error, which becomes lines.
#[derive(Clone)]
struct Printed {
    lines: Lines,
    stream: Stream,
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines.print(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

impl AsyncWrite for Printed {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lines.print(self.stream, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
