//! `proglog serve`: the log of a directory over HTTP and gRPC, until a signal asks to stop.

mod address;
mod check_config;
mod disk_args;
mod interface;
mod limit_args;
mod notify;
mod opening;
mod places;
mod reload;
mod retention_args;
mod security_args;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::runtime::Runtime;
use tokio::task::{JoinError, JoinHandle};

use self::address::ListenAddress;
use self::disk_args::DiskArgs;
use self::interface::{Exposure, Interface};
use self::limit_args::LimitArgs;
use self::notify::Notifier;
use self::opening::Opening;
use self::places::Places;
use self::retention_args::RetentionArgs;
use self::security_args::SecurityArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::log_args::LogArgs;
use super::settings::Settings;
use crate::log::LogConfig;
use crate::server::{self, Listeners, Protection, ServerConfig, Shutdown};
use crate::service::{self, DiskWatch, ProgressNote, ServiceError, StartingLog};
use crate::telemetry::Metrics;
use crate::text::time::parse_duration;

/// What a service manager is asked for beyond the grace period: the log is synced and closed in it.
const CLOSING: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  proglog serve                                   HTTP on 127.0.0.1:8080, gRPC on 127.0.0.1:8400
  proglog serve --http-addr localhost:0           any free port; the one taken is printed
  proglog -v serve --fsync interval:1s            with a line a request on standard error
  proglog serve --retain-age 30d --retain-bytes 100GiB
  proglog --config proglog.toml serve --check-config
  curl -d '{\"record\": {\"value\": \"aGVsbG8=\"}}' localhost:8080
  curl -X GET -d '{\"offset\": 0}' localhost:8080
  curl localhost:8080/readyz
  proglog read --server localhost:8400 --follow

It listens at once, and prints where when its log is open and it is ready; after a crash that may take a
while, and /startupz shows how far it is. SIGTERM or SIGINT stops it: requests in flight are
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

    /// Check the settings and print each with where it comes from, instead of serving
    ///
    /// As TOML that can be a configuration file, or with --output json as one document. Certificates, keys and
    /// policies are loaded; the log isn't looked at, and no port is taken.
    #[arg(long)]
    pub(super) check_config: bool,

    /// What --check-config prints; empty without it.
    #[arg(skip)]
    pub(super) settings: Settings,

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
    let mut config = args.limits.to_config(args.log.max_record_bytes)?;
    (config.grace, config.protection) = (args.grace, args.security.load()?);
    config.http_names = args.security.http_name.clone();
    config.http_host = args.http_addr.host().to_owned();
    keep_out_of_core_dumps(&config.protection);
    let watermarks = args.disk.to_watermarks()?;
    if args.check_config {
        return check_config::run(&args, context, out);
    }
    let notifier = Notifier::from_env();
    let runtime = Runtime::new().map_err(|error| failed("start the runtime", &error))?;
    let served = runtime.block_on(async {
        // First, since a port that is taken is no reason to touch the log.
        let listeners =
            Listeners { http: Some(http.bind().await?), grpc: Some(grpc.bind().await?) };
        let disk = DiskWatch::of_dir(context.dir.clone(), watermarks);
        serve(listeners, config, disk, &args, context, &notifier, out).await
    });
    // A read that hangs on its device must not hold the end up.
    runtime.shutdown_background();
    served
}

/// Serves from the start, though everything but the probes is told to come back until the log is open.
async fn serve(
    listeners: Listeners,
    config: ServerConfig,
    disk: DiskWatch,
    args: &ServeArgs,
    context: &Context,
    notifier: &Notifier,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let (trigger, mut shutdown) = server::shutdown();
    server::trigger_on_signals(trigger.clone())
        .map_err(|error| failed("watch for signals", &error))?;
    reload::start(config.protection.clone(), notifier.clone())
        .map_err(|error| failed("watch for signals", &error))?;
    let metrics = Arc::new(Metrics::new());
    watch(&metrics, &config.protection);
    let progress = ProgressNote::default();
    let observer = Some(service::observer(&metrics, progress.clone()));
    let opening = Opening {
        dir: context.dir.clone(),
        config: LogConfig { observer, ..args.log.to_config() },
        metrics: Arc::clone(&metrics),
        disk,
        retention: args.retention.to_retention(),
    };
    let log = Arc::new(StartingLog::new(&opening.config, progress.clone()));
    let places = Places::of(&listeners)?;
    let served = Arc::clone(&log);
    let serving = server::run_metered(listeners, served, config, metrics, shutdown.clone());
    let serving = tokio::spawn(serving);
    tokio::spawn(notifier.clone().watchdog());
    tracing::info!("listening, http on {}, grpc on {}; opening the log", places.http, places.grpc);
    let started = tokio::select! {
        opened = opening.run() => opened.and_then(|opened| {
            // It is the first one.
            let _ = log.open(opened);
            notifier.status(format_args!("http on {}, grpc on {}", places.http, places.grpc));
            notifier.ready();
            Ok(places.announce(context, out)?)
        }),
        never = notifier.recovery(&progress) => match never {},
        // Recovery may be ended at any time, as by a crash.
        () = shutdown.requested() => Ok(()),
    };
    if started.is_err() {
        trigger.request();
    }
    let served = ended(serving, shutdown, notifier, args.grace).await;
    let Some(log) = log.get() else { return started.map(|()| Exit::Done) };
    log.close().await.map_err(|error| not_closed(&error))?;
    tracing::info!("stopped; the log is closed");
    started?;
    served?;
    Ok(Exit::Done)
}

/// Waits until nothing is served any more, and tells the service manager when that begins.
async fn ended(
    mut serving: JoinHandle<()>,
    mut shutdown: Shutdown,
    notifier: &Notifier,
    grace: Duration,
) -> Result<(), JoinError> {
    let early = tokio::select! {
        biased;
        () = shutdown.requested() => None,
        ended = &mut serving => Some(ended),
    };
    notifier.stopping();
    notifier.extend_timeout(grace.saturating_add(CLOSING));
    match early {
        Some(ended) => ended,
        None => serving.await,
    }
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

fn failed(action: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "io", format!("can't {action}: {error}"))
}

fn not_closed(error: &ServiceError) -> Failure {
    let message = format!("closing the log failed: {error}");
    Failure::new(Exit::Failed, error.code(), message).hint(error.hint())
}
