//! `proglog serve`: the log of a directory over HTTP and gRPC, until a signal asks to stop.

mod address;
mod disk_args;
mod interface;
mod limit_args;
mod reload;
mod retention_args;
mod security_args;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::address::ListenAddress;
use self::disk_args::DiskArgs;
use self::interface::{Exposure, Interface};
use self::limit_args::LimitArgs;
use self::retention_args::RetentionArgs;
use self::security_args::SecurityArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::log_args::LogArgs;
use super::output::print_json;
use crate::log::{Log, LogConfig};
use crate::server::{self, Listeners, Protection};
use crate::service::{self, DiskWatch, LocalLog, LocalLogConfig, ServiceError};
use crate::telemetry::Metrics;
use crate::wire::time::parse_duration;

const EXAMPLES: &str = "\
Examples:
  proglog serve                                   HTTP on 127.0.0.1:8080, gRPC on 127.0.0.1:8400
  proglog serve --http-addr localhost:0           any free port; the one taken is printed
  proglog -v serve --fsync interval:1s            with a line a request on standard error
  proglog serve --retain-age 30d --retain-bytes 100GiB
  curl -d '{\"record\": {\"value\": \"aGVsbG8=\"}}' localhost:8080
  curl -X GET -d '{\"offset\": 0}' localhost:8080
  curl localhost:8080/readyz
  proglog read --server localhost:8400 --follow

It prints where it listens when it is ready. SIGTERM or SIGINT stops it: requests in flight are
finished within --grace, and the log is synced and closed. A second signal ends it at once; what was
acknowledged is safe in any case.";

/// Serve the log over HTTP and gRPC, until a signal asks to stop
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Where HTTP listens; port 0 takes any free one
    #[arg(long, env = "PROGLOG_HTTP_ADDR", value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:8080", value_parser = ListenAddress::parse)]
    http_addr: ListenAddress,

    /// Where gRPC listens; port 0 takes any free one
    #[arg(long, env = "PROGLOG_GRPC_ADDR", value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:8400", value_parser = ListenAddress::parse)]
    grpc_addr: ListenAddress,

    /// How long requests in flight may go on once it is asked to stop
    #[arg(long, env = "PROGLOG_GRACE", value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = parse_duration)]
    grace: Duration,

    /// Listen where other machines can connect, though encryption or a login is missing
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    log: LogArgs,

    #[command(flatten)]
    retention: RetentionArgs,

    #[command(flatten)]
    disk: DiskArgs,

    #[command(flatten)]
    security: SecurityArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

/// Serves until a signal comes, then stops in order.
pub(crate) fn run(
    args: ServeArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let exposure = match (args.security.is_protected(), args.insecure) {
        (true, _) => Exposure::Protected,
        (false, true) => Exposure::Insecure,
        (false, false) => Exposure::Private,
    };
    let http = Interface::new("--http-addr", &args.http_addr, exposure)?;
    let grpc = Interface::new("--grpc-addr", &args.grpc_addr, exposure)?;
    let protection = args.security.load()?;
    keep_out_of_core_dumps(&protection);
    let watermarks = args.disk.to_watermarks()?;
    let runtime = Runtime::new().map_err(|error| failed("start the runtime", &error))?;
    let served = runtime.block_on(async {
        // First, since a port that is taken is no reason to touch the log.
        let listeners =
            Listeners { http: Some(http.bind().await?), grpc: Some(grpc.bind().await?) };
        let metrics = Arc::new(Metrics::new());
        let log = open(context, args.log.to_config(), &metrics)?;
        keep_up(&log, DiskWatch::of_dir(context.dir.clone(), watermarks), &args.retention)
            .map_err(|error| failed("start the threads for upkeep", &error))?;
        watch(&metrics, &protection);
        serve(listeners, log, metrics, protection, &args, context, out).await
    });
    // A read that hangs on its device must not hold the end up.
    runtime.shutdown_background();
    served
}

async fn serve(
    listeners: Listeners,
    log: LocalLog,
    metrics: Arc<Metrics>,
    protection: Protection,
    args: &ServeArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let (trigger, shutdown) = server::shutdown();
    server::trigger_on_signals(trigger).map_err(|error| failed("watch for signals", &error))?;
    reload::start(protection.clone()).map_err(|error| failed("watch for signals", &error))?;
    let mut config = args.limits.to_config(args.log.max_record_bytes);
    (config.grace, config.protection) = (args.grace, protection);
    config.http_names = args.security.http_name.clone();
    config.http_names.push(args.http_addr.host().to_owned());
    // Last: whoever reads it finds everything settled.
    announce(context, &listeners, out)?;
    let log = Arc::new(log);
    server::run_metered(listeners, Arc::clone(&log), config, metrics, shutdown).await;
    log.close().await.map_err(|error| not_closed(&error))?;
    tracing::info!("stopped; the log is closed");
    Ok(Exit::Done)
}

/// A process that has keys in its memory leaves no image of it behind.
fn keep_out_of_core_dumps(protection: &Protection) {
    let guard = protection.guard.as_ref();
    let has_secrets =
        protection.tls.is_some() || guard.is_some_and(|guard| guard.demands_identity());
    if !has_secrets {
        return;
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "if the process crashes, its keys may be in a core dump");
    }
}

/// Opens the log, damaged or not: what can be read is served.
fn open(
    context: &Context,
    mut config: LogConfig,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<LocalLog> {
    config.observer = Some(service::observer(metrics));
    let max_waiting_bytes = config.max_waiting_bytes;
    let log = Log::open(&context.dir, config)?;
    if let Some(refusal) = log.refusal() {
        // Also with --quiet: whoever starts it has to know.
        tracing::error!("READ-ONLY: {refusal}; records are served, appends are answered with 503");
        for corruption in &log.recovery().damage {
            tracing::warn!("damaged: {corruption}");
        }
    }
    metrics.watch_disk(&context.dir);
    let config = LocalLogConfig { max_waiting_bytes, ..LocalLogConfig::default() };
    let started = LocalLog::start_metered(log, &config, metrics);
    Ok(started.map_err(|error| failed("start the storage thread", &error))?)
}

/// Shows what the guard refuses, and how long the certificate is valid.
fn watch(metrics: &Metrics, protection: &Protection) {
    if let Some(guard) = &protection.guard {
        let (denying, authenticating) = (Arc::clone(guard), Arc::clone(guard));
        metrics
            .watch_denials(move || denying.n_denied(), move || authenticating.n_unauthenticated());
    }
    if let Some(tls) = protection.tls.clone() {
        metrics.watch_certificate(move || {
            let since_epoch = Duration::from_secs(u64::try_from(tls.not_after()).ok()?);
            UNIX_EPOCH.checked_add(since_epoch)
        });
    }
}

/// Starts what is done beside the requests.
fn keep_up(log: &LocalLog, disk: DiskWatch, retention: &RetentionArgs) -> io::Result<()> {
    log.watch_disk(disk)?;
    let retention = retention.to_retention();
    if retention.keeps_all() { Ok(()) } else { log.retain(retention) }
}

/// Says that it is ready, and where. Whoever closed standard output doesn't want to know.
fn announce(context: &Context, listeners: &Listeners, out: &mut impl Write) -> anyhow::Result<()> {
    let address = |listener: &Option<TcpListener>| {
        let address = listener.as_ref().map(TcpListener::local_addr).transpose();
        let address = address.map_err(|error| failed("ask for the port", &error))?;
        Ok::<_, Failure>(address.map_or_else(String::new, |address| address.to_string()))
    };
    let (http, grpc) = (address(&listeners.http)?, address(&listeners.grpc)?);
    let dir = context.dir.display();
    let printed = if context.is_json() {
        print_json(out, &json!({"dir": dir.to_string(), "http": http, "grpc": grpc}))
    } else {
        writeln!(out, "serving {dir}: http on {http}, grpc on {grpc}").and_then(|()| out.flush())
    };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}

fn failed(action: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "io", format!("can't {action}: {error}"))
}

fn not_closed(error: &ServiceError) -> Failure {
    let message = format!("closing the log failed: {error}");
    Failure::new(Exit::Failed, error.code(), message).hint(error.hint())
}
