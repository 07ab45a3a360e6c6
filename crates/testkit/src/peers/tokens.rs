//! A provider of tokens (OAuth 2), and who tells a mail server whether one is good (RFC 7662), in this process.
//!
//! What passes through: forms by HTTP from loopback. Each refresh token is good for one time; using one again takes all
//! tokens back, as strict providers do.
//!
//! *Invariant:* it lives as long as its value.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

use crate::wait;

/// A provider that runs until it is dropped.
pub struct TokenProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    user: String,
    state: Mutex<State>,
    /// Told when held answers may go.
    moved: Condvar,
    is_over: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Good access tokens.
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    used: BTreeSet<String>,
    /// Questions by their grant.
    asked: BTreeMap<String, usize>,
    reused: usize,
    count: usize,
    seconds: u64,
    /// How often a device still waits for its person.
    awaited: usize,
    /// Tokens are not handed out now: who asked waits.
    is_held: bool,
}

impl TokenProvider {
    /// Begins to give out tokens for this user, each good for so many seconds as it says.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(user: &str, seconds: u64) -> Result<Self> {
        let address = wait::free_port()?;
        let listener = TcpListener::bind(address)?;
        let state = Mutex::new(State { seconds, awaited: 1, ..State::default() });
        let (moved, is_over) = (Condvar::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { user: user.to_owned(), state, moved, is_over });
        let ours = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ours.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&ours);
                std::thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Ok(TokenProvider { address, shared, listener: Some(listener) })
    }

    /// The address of one of its pages: `token`, `device`, `authorize`, `introspect`.
    pub fn url(&self, page: &str) -> String {
        format!("http://{}/{page}", self.address)
    }

    /// A code as a browser would bring it back.
    pub fn code(&self) -> &'static str {
        "browser/code"
    }

    /// How often tokens were asked for with this grant.
    pub fn asked(&self, grant: &str) -> usize {
        self.shared.state().asked.get(grant).copied().unwrap_or_default()
    }

    /// How often a refresh token came a second time.
    pub fn reused(&self) -> usize {
        self.shared.state().reused
    }

    /// From now on whoever has asked for tokens waits for the answer, or goes on.
    pub fn hold(&self, is_held: bool) {
        self.shared.state().is_held = is_held;
        self.shared.moved.notify_all();
    }

    /// No access token is good any more.
    pub fn revoke(&self) {
        self.shared.state().access.clear();
    }
}

impl Drop for TokenProvider {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.hold(false);
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as answers are held.
    fn let_go(&self) {
        let held = self.moved.wait_while(self.state(), |state| state.is_held);
        drop(held.unwrap_or_else(PoisonError::into_inner));
    }

    fn answer(&self, path: &str, form: &BTreeMap<String, String>) -> (u16, String) {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut state = self.state();
        match path {
            "/introspect" => match state.access.contains(&field("token")) {
                true => (200, format!(r#"{{"active":true,"email":"{}"}}"#, self.user)),
                false => (200, r#"{"active":false}"#.to_owned()),
            },
            "/device" => (
                200,
                format!(
                    r#"{{"device_code":"device code","user_code":"ABCD","verification_uri":"http://{}/type","expires_in":60,"interval":1}}"#,
                    "provider.test"
                ),
            ),
            "/token" => state.token(&field("grant_type"), field),
            _ => (404, "{}".to_owned()),
        }
    }
}

impl State {
    fn token(&mut self, grant: &str, field: impl Fn(&str) -> String) -> (u16, String) {
        *self.asked.entry(grant.to_owned()).or_default() += 1;
        let refused = |error: &str| (400, format!(r#"{{"error":"{error}"}}"#));
        let is_ours = field("client_id") == "postroom" && field("client_secret") == "registered & known";
        let is_good = match grant {
            "authorization_code" => field("code") == "browser/code" && field("code_verifier").len() >= 43,
            "client_credentials" => true,
            "refresh_token" => {
                let token = field("refresh_token");
                if self.used.contains(&token) {
                    self.reused += 1;
                    self.access.clear();
                    self.refresh.clear();
                }
                self.used.insert(token.clone());
                self.refresh.remove(&token)
            }
            _ if self.awaited > 0 => {
                self.awaited -= 1;
                return refused("authorization_pending");
            }
            _ => field("device_code") == "device code",
        };
        if !is_ours {
            return refused("invalid_client");
        }
        if !is_good {
            return refused("invalid_grant");
        }
        self.count += 1;
        // As long as real ones are: longer than a line of POP3 may be.
        let access = format!("access-{}-{}", self.count, "x".repeat(1_500));
        let refresh = format!("refresh-{}", self.count);
        self.access.insert(access.clone());
        self.refresh.insert(refresh.clone());
        let seconds = self.seconds;
        let refresh = if grant == "client_credentials" { String::new() } else { refresh };
        (
            200,
            format!(
                r#"{{"token_type":"Bearer","access_token":"{access}","refresh_token":"{refresh}","expires_in":{seconds}}}"#
            ),
        )
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if lines.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or_default();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = String::from_utf8_lossy(&body).into_owned();
        let fields = query.split('&').chain(body.split('&')).filter_map(|field| field.split_once('='));
        let form = fields.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        let (status, json) = shared.answer(path, &form);
        shared.let_go();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            json.len()
        );
        (&*stream).write_all(&[head.as_bytes(), json.as_bytes()].concat())?;
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit()
                .zip(digit())
                .and_then(|(high, low)| u8::try_from(16 * high + low).ok())
                .unwrap_or_default(),
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
