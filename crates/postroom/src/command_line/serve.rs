//! `postroom serve`: start the house, say where its doors are, stop it on a signal.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use postroom::{House, Ports, RunningHouse, Settings, control, log};
use tokio::signal::unix::{SignalKind, signal};

use super::End;

pub(super) async fn serve(settings: Settings, ports_file: Option<&Path>) -> anyhow::Result<End> {
    log::start(&settings.log)?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in Settings::unknown_variables(names) {
        tracing::warn!(
            name,
            "this variable of the environment is no setting; `postroom settings` prints them all"
        );
    }
    // Before the doors open, so that no signal goes unheard.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let house = start(settings).await?;
    if let Some(path) = ports_file {
        write_ports(path, &house.ports)?;
    }
    announce(&house.ports)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    house.stop().await;
    tracing::info!("stopped");
    Ok(End::Well)
}

/// A command may have the data folder for a moment; a house that serves has it for good.
async fn start(settings: Settings) -> anyhow::Result<RunningHouse> {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        match House::start(settings.clone()).await {
            Err(error) if error.is_locked() => {
                if control::connect(&settings.data).await.is_some() {
                    return Err(error).context("Postroom serves from this data folder already");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            started => return Ok(started?),
        }
    }
    bail!("a command has the data folder {} and does not end", settings.data.display())
}

fn announce(ports: &Ports) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (what, addresses) in [("SMTP", &ports.smtp), ("SMTPS", &ports.smtps), ("LMTP", &ports.lmtp)] {
        for address in addresses {
            writeln!(out, "{what:<8}{address}")?;
        }
    }
    if let Some(socket) = &ports.lmtp_socket {
        writeln!(out, "{:<8}{}", "LMTP", socket.display())?;
    }
    for address in &ports.web {
        writeln!(out, "{:<8}http://{address}/", "pages")?;
    }
    writeln!(out, "{:<8}{}", "control", ports.control.display())?;
    out.flush()
}

/// Whole or not at all: whoever waits for the file reads it as soon as it is there.
fn write_ports(path: &Path, ports: &Ports) -> anyhow::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let written = std::fs::write(&unfinished, serde_json::to_vec(ports)?)
        .and_then(|()| std::fs::rename(&unfinished, path));
    written.with_context(|| format!("{} cannot be written", path.display()))
}
