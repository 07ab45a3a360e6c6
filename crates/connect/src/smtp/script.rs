//! A server for tests, over a line in memory: it follows a table.
//!
//! `C text` waits for a line that begins so, `S text` says one, `R text` says it without its end, `data` takes lines up to
//! the dot, `take N` takes bytes, `hang` says nothing more, nor does `stall`, which is not waited for for long. At the end of the
//! table it goes.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::task::JoinHandle;

use crate::wire::{Patience, Wire};

/// Long enough for a machine that does much else, short enough to be waited for.
const SHORT: Patience =
    Patience { connect: Duration::from_secs(5), answer: Duration::from_secs(2), bytes_per_second: 1_000_000 };

/// For what must come.
const LONG: Patience = Patience { answer: Duration::from_secs(30), ..SHORT };

/// How long the client of such a server waits for it.
pub(crate) fn patience(table: &str) -> Patience {
    if table.contains("stall") { SHORT } else { LONG }
}

/// A line to such a server. It gives what it heard.
pub(crate) fn line(table: &str) -> (Wire, JoinHandle<String>) {
    let (ours, theirs) = duplex(table);
    (Wire::over(Box::new(ours), patience(table)), theirs)
}

/// The same without anything around it.
pub(crate) fn duplex(table: &str) -> (DuplexStream, JoinHandle<String>) {
    let (ours, theirs) = tokio::io::duplex(256 * 1024);
    let table = table.to_owned();
    (ours, tokio::spawn(async move { play(theirs, &table).await }))
}

async fn play(stream: DuplexStream, table: &str) -> String {
    let (mut stream, mut heard) = (BufReader::new(stream), Vec::new());
    for step in table.lines().map(str::trim).filter(|step| !step.is_empty()) {
        let (word, text) = step.split_once(' ').unwrap_or((step, ""));
        // The client may go before it has heard or said all.
        let done = match word {
            "S" => stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.is_ok(),
            "R" => stream.get_mut().write_all(text.as_bytes()).await.is_ok(),
            "C" => {
                let begin = heard.len();
                stream.read_until(b'\n', &mut heard).await.is_ok_and(|count| count > 0)
                    && heard[begin..].starts_with(text.as_bytes())
            }
            "data" => loop {
                let begin = heard.len();
                match stream.read_until(b'\n', &mut heard).await {
                    Ok(count) if count > 0 && &heard[begin..] == b".\r\n" => break true,
                    Ok(0) | Err(_) => break false,
                    Ok(_) => {}
                }
            },
            "take" => {
                let mut bytes = vec![0; text.parse().unwrap()];
                let taken = stream.read_exact(&mut bytes).await.is_ok();
                heard.extend_from_slice(&bytes);
                taken
            }
            "hang" | "stall" => {
                let _ = stream.read_to_end(&mut heard).await;
                false
            }
            _ => panic!("no step: {step}"),
        };
        if !done {
            break;
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}
