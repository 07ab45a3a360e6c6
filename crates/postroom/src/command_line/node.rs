//! `postroom node`: which nodes serve, and whether one can work here.

use std::io::{self, Write};

use postroom::Settings;
use postroom::commands::NodeRow;
use postroom::node::{CLOCK_MILLISECONDS_MAX, clock_words};
use store::ServerState;

use super::End;

/// A line of the list.
pub(super) fn cells(row: &NodeRow) -> Vec<String> {
    let seen = format!("seen {} s ago", row.silent_seconds);
    let started = format!("since {}", row.started);
    vec![
        row.name.clone(),
        row.state.clone(),
        row.roles.join(","),
        row.hooks.as_ref().map_or_else(|| "not known yet".to_owned(), |hooks| hooks.join(",")),
        row.version.clone(),
        started,
        seen,
        row.id.clone(),
    ]
}

/// One thing that was looked at.
enum Finding {
    Good(String),
    Doubtful(String),
    Bad(String),
}

/// Says whether a node can work with these settings.
pub(super) fn check(settings: &Settings) -> anyhow::Result<End> {
    let findings = match settings.database.database().examine() {
        Ok(None) => {
            vec![Finding::Good(format!("rows are in files of {}: one node", settings.data.display()))]
        }
        Ok(Some(state)) => of_server(settings, &state),
        Err(error) => vec![Finding::Bad(format!("{:#}", anyhow::Error::from(error)))],
    };
    let mut out = io::stdout().lock();
    for finding in &findings {
        let (word, text) = match finding {
            Finding::Good(text) => ("good", text),
            Finding::Doubtful(text) => ("doubtful", text),
            Finding::Bad(text) => ("bad", text),
        };
        writeln!(out, "{word:<10}{text}")?;
    }
    out.flush()?;
    let is_bad = findings.iter().any(|finding| matches!(finding, Finding::Bad(_)));
    Ok(if is_bad { End::WithFaults } else { End::Well })
}

fn of_server(settings: &Settings, state: &ServerState) -> Vec<Finding> {
    let schema = &settings.database.schema;
    let mut findings =
        vec![Finding::Good(format!("the database server answers: PostgreSQL {}", state.version))];
    if let Err(error) = state.is_fit() {
        findings.push(Finding::Bad(error.to_string()));
    }
    findings.push(match (state.may_change, state.has_schema) {
        (true, true) => Finding::Good(format!("the schema {schema} is there and ours")),
        (true, false) => {
            Finding::Good(format!("the schema {schema} is not there yet; the first node makes it"))
        }
        (false, _) => Finding::Bad(format!(
            "the user of the database URL may not make or change the schema {schema}: \
             grant create on database … to the user, and let it own the schema"
        )),
    });
    let wanted = settings.database.connections_max;
    let is_enough = usize::try_from(state.connections_max).is_ok_and(|allowed| allowed > wanted);
    let connections =
        format!("the server allows {} connections, each node takes up to {wanted}", state.connections_max);
    findings.push(if is_enough { Finding::Good(connections) } else { Finding::Doubtful(connections) });
    findings.push(if state.clock_ahead.abs() > CLOCK_MILLISECONDS_MAX {
        Finding::Doubtful(clock_words(state.clock_ahead))
    } else {
        Finding::Good("the clocks agree".to_owned())
    });
    findings
}
