//! A browser as far as measurements need one: it signs in and reads pages, over one connection.
//!
//! What passes through: a path in, the text of its page out. It follows no links and loads no style.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

/// One connection to the pages, signed in.
pub struct Browser {
    stream: BufReader<TcpStream>,
    cookie: String,
}

impl Browser {
    /// Signs in with an address and a password.
    ///
    /// # Errors
    /// When nobody answers, or the two open nothing.
    pub fn sign_in(web: SocketAddr, (address, password): (&str, &str)) -> Result<Self> {
        let stream = TcpStream::connect(web)?;
        stream.set_nodelay(true)?;
        let mut browser = Browser { stream: BufReader::new(stream), cookie: String::new() };
        let form = format!("address={}&password={}", address.replace('@', "%40"), password.replace(' ', "+"));
        let (head, _) = browser.ask(&format!(
            "POST /sign-in HTTP/1.1\r\nHost: postroom.test\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))?;
        let cookie = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie:"));
        let cookie = cookie.and_then(|line| line.split([':', ';']).nth(1)).context("nobody was signed in")?;
        browser.cookie = cookie.trim().to_owned();
        Ok(browser)
    }

    /// A page.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&mut self, path: &str) -> Result<String> {
        let cookie = &self.cookie;
        let request = format!("GET {path} HTTP/1.1\r\nHost: postroom.test\r\nCookie: {cookie}\r\n\r\n");
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
