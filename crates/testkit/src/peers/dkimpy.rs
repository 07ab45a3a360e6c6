//! dkimpy, a verifier of signatures that is not ours (Debian's `python3-dkim`).

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::missing::Missing;

/// Verifies each signature, the topmost first, against the name server at this address.
const SCRIPT: &str = r"
import sys, dkim, dns.resolver
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = [sys.argv[1]], int(sys.argv[2])
def txt(name, timeout=5):
    answer = resolver.resolve(name.decode().rstrip('.'), 'TXT', lifetime=10)
    return b''.join(answer[0].strings)
mail = sys.stdin.buffer.read()
count = sum(1 for line in mail.split(b'\r\n\r\n')[0].split(b'\r\n') if line.lower().startswith(b'dkim-signature:'))
for index in range(count):
    try:
        holds = dkim.DKIM(mail).verify(idx=index, dnsfunc=txt)
    except dkim.ValidationError:
        holds = False
    print('pass' if holds else 'fail')
";

/// What it says of each signature of a mail, the topmost first: `pass` or `fail`.
///
/// # Errors
/// [`Missing`], where it is not installed; when it does not run.
pub fn verify_dkim(mail: &[u8], dns: SocketAddr) -> Result<Vec<String>> {
    if !Path::new("/usr/lib/python3/dist-packages/dkim").exists() {
        return Err(Missing::new("python3-dkim").into());
    }
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT, &dns.ip().to_string(), &dns.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    python.stdin.take().context("standard input")?.write_all(mail)?;
    let output = python.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}
