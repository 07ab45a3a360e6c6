//! How fast mail is found: a house with very many e-mails, searched and read over HTTP.
//!
//! What passes through: a number of e-mails becomes a house in `target/bench/search-<number>` (`fill`), kept for
//! the next time; then every kind of question is asked over one connection, and a [`Row`] for each comes out.
//!
//! *Invariant:* what is measured is the shipped program, page for page, as a browser gets it.

mod fill;
mod questions;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{IndexRow, Reply, Request};
use serde::Serialize;

use crate::Program;
use questions::Kind;

/// One line of the table: how long a kind of page took.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was asked.
    pub what: String,
    /// How often.
    pub times: usize,
    /// Half of the answers were there after so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Rows on the pages, on average.
    pub rows: f64,
}

/// The organization that is filled.
const ORGANIZATION: &str = "search";
/// Who looks.
const ADDRESS: &str = "reader@search.test";
/// With which password.
const PASSWORD: &str = "correct horse battery";

/// Fills a house with so many e-mails, unless it is there, and measures. `say` gets the lines of the table.
///
/// # Errors
/// When the program does not start, or a page is not what was asked for.
pub fn search(folder: &Path, emails: u64, say: impl Fn(&str)) -> Result<Vec<Row>> {
    let folder = folder.join(format!("search-{emails}"));
    let is_filled = folder.join("filled");
    if !is_filled.exists() {
        let began = Instant::now();
        fill::fill(&folder, emails, &say)?;
        say(&format!("filled in {:.0} s", began.elapsed().as_secs_f64()));
        std::fs::write(&is_filled, "")?;
    }
    let program = Program::start(&folder)?;
    let began = Instant::now();
    let indexed = index(&program)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{} e-mails in the index; the last of them took {seconds:.0} s", indexed.indexed));
    let mut browser = Browser::sign_in(program.web()?)?;
    say("   p50 ms   p99 ms   max ms   rows  what");
    let mut rows = Vec::new();
    for kind in questions::kinds(&folder, emails)? {
        let row = browser.measure(&kind)?;
        let Row { what, p50_ms, p99_ms, max_ms, rows: found, .. } = &row;
        say(&format!("{p50_ms:9.1}{p99_ms:9.1}{max_ms:9.1}{found:7.1}  {what}"));
        rows.push(row);
    }
    program.kill()?;
    Ok(rows)
}

/// Brings the index up to date.
fn index(program: &Program) -> Result<IndexRow> {
    loop {
        let reply = program.command(Request::FillIndex(ORGANIZATION.to_owned()))?;
        let Reply::Indexes(rows) = reply else { bail!("the index was asked for, and something else came") };
        let row = rows.into_iter().next().context("there is no index")?;
        if row.left == 0 {
            return Ok(row);
        }
    }
}

/// One connection to the pages, signed in.
struct Browser {
    stream: BufReader<TcpStream>,
    cookie: String,
}

impl Browser {
    fn sign_in(web: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(web)?;
        stream.set_nodelay(true)?;
        let mut browser = Browser { stream: BufReader::new(stream), cookie: String::new() };
        let form = format!("address={}&password={}", ADDRESS.replace('@', "%40"), PASSWORD.replace(' ', "+"));
        let (head, _) = browser.ask(&format!(
            "POST /sign-in HTTP/1.1\r\nHost: search.test\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))?;
        let cookie = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie:"));
        let cookie = cookie.and_then(|line| line.split([':', ';']).nth(1)).context("nobody was signed in")?;
        browser.cookie = cookie.trim().to_owned();
        Ok(browser)
    }

    /// Asks for every path once, and once before it counts.
    fn measure(&mut self, kind: &Kind) -> Result<Row> {
        let mut took = Vec::with_capacity(kind.paths.len());
        let mut lines = 0;
        for (number, path) in kind.paths.iter().enumerate() {
            if number == 0 {
                self.get(path)?;
            }
            let began = Instant::now();
            let page = self.get(path)?;
            took.push(began.elapsed().as_secs_f64() * 1_000.0);
            lines += page.matches("class=\"line ").count();
        }
        took.sort_by(f64::total_cmp);
        let at = |hundredth: usize| {
            took.get((took.len() * hundredth).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
        };
        #[expect(clippy::cast_precision_loss, reason = "some thousand lines")]
        let rows = lines as f64 / took.len().max(1) as f64;
        let (p50_ms, p99_ms, max_ms) = (at(50), at(99), at(100));
        Ok(Row { what: kind.what.clone(), times: took.len(), p50_ms, p99_ms, max_ms, rows })
    }

    fn get(&mut self, path: &str) -> Result<String> {
        let cookie = &self.cookie;
        let request = format!("GET {path} HTTP/1.1\r\nHost: search.test\r\nCookie: {cookie}\r\n\r\n");
        let (head, page) = self.ask(&request)?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        Ok(page)
    }

    /// Sends a request; the head and the body of the answer, whose length it tells.
    fn ask(&mut self, request: &str) -> Result<(String, String)> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(self.stream.read_line(&mut head)? > 0, "the pages closed the connection");
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body)?;
        Ok((head, String::from_utf8(body)?))
    }
}
