//! Chromium (package `chromium`), without a screen: what a person does in a browser, told by its DevTools protocol.
//!
//! What passes through: JSON over two pipes, each message with a zero byte behind it. What a page's policy refuses is kept:
//! a page that works only where a policy is broken does not work.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Missing, wait};

const PROGRAM: &str = "/usr/bin/chromium";

/// One running browser with one page.
pub struct Chromium {
    _folder: TempDir,
    child: Child,
    says: ChildStdin,
    heard: Receiver<Value>,
    last_command: u64,
    session: String,
    /// What it refused or complained of, in its words.
    complaints: Vec<String>,
}

impl Chromium {
    /// Starts a browser that knows nothing yet.
    ///
    /// # Errors
    /// [`Missing`] where the package is; when it does not start.
    pub fn start() -> Result<Self> {
        Missing::unless(PROGRAM, "chromium")?;
        let folder = TempDir::new()?;
        // The protocol goes over the descriptors 3 and 4, which a shell lays for us.
        let line = format!(
            "exec {PROGRAM} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync --no-proxy-server \
             --lang=en-US --user-data-dir=\"$0\" --remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1"
        );
        let mut chromium = Command::new("/bin/sh");
        chromium.args(["-c", &line]).arg(folder.path()).env("HOME", folder.path()).env_remove("DISPLAY");
        let mut child = chromium.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("chromium")?;
        let (says, hears) = (child.stdin.take(), child.stdout.take());
        let (says, hears) = says.zip(hears).context("the pipes of chromium")?;
        let mut browser = Chromium {
            _folder: folder,
            child,
            says,
            heard: listen(hears),
            last_command: 0,
            session: String::new(),
            complaints: Vec::new(),
        };
        browser.begin()?;
        Ok(browser)
    }

    fn begin(&mut self) -> Result<()> {
        let target = self.command("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.command("Target.attachToTarget", attach)?;
        self.session = session["sessionId"].as_str().context("a session of chromium")?.to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "DOM.enable"] {
            self.command(domain, json!({}))?;
        }
        Ok(())
    }

    /// Goes to an address, and waits until the page and its scripts are there.
    ///
    /// # Errors
    /// When they are not.
    pub fn open(&mut self, address: &str) -> Result<()> {
        let gone = self.command("Page.navigate", json!({"url": address}))?;
        ensure!(gone["errorText"].is_null(), "{address}: {}", gone["errorText"]);
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
    }

    /// What an expression in the page comes to.
    ///
    /// # Errors
    /// When it fails.
    pub fn look(&mut self, expression: &str) -> Result<Value> {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.command("Runtime.evaluate", asked)?;
        ensure!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true; one that fails while pages change is asked again.
    ///
    /// # Errors
    /// When it never is; with the page as it stands then.
    pub fn until(&mut self, expression: &str) -> Result<()> {
        let is_so = wait::until(expression, || self.look(expression).ok().filter(|it| *it == true));
        if let Err(error) = is_so {
            let page = self.look("location.href + '\\n' + document.body.innerText").unwrap_or_default();
            bail!("{error}: {page}");
        }
        Ok(())
    }

    /// Presses what a selector names, with the mouse of the script.
    ///
    /// # Errors
    /// When it is not there.
    pub fn press(&mut self, selector: &str) -> Result<()> {
        let script = format!(
            // As a mouse does: what takes the pressing for itself leaves the cursor where it is.
            "(() => {{ const it = document.querySelector({}), options = {{ bubbles: true, cancelable: true }}; \
             if (it.dispatchEvent(new MouseEvent('mousedown', options))) it.focus(); it.click(); }})()",
            json!(selector)
        );
        self.look(&script).map(drop)
    }

    /// Puts the cursor into what a selector names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn focus(&mut self, selector: &str) -> Result<()> {
        self.look(&format!("document.querySelector({}).focus()", json!(selector))).map(drop)
    }

    /// Types where the cursor is.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn write(&mut self, text: &str) -> Result<()> {
        self.command("Input.insertText", json!({"text": text})).map(drop)
    }

    /// Presses a key: one of a few that pages listen for.
    ///
    /// # Errors
    /// When it is another one.
    pub fn key(&mut self, key: &str) -> Result<()> {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "ArrowDown" => 40,
            "Escape" => 27,
            _ => bail!("no such key here: {key}"),
        };
        let mut event = json!({"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code});
        self.command("Input.dispatchKeyEvent", event.clone())?;
        if key == "Enter" {
            let text =
                json!({"type": "char", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": "\r"});
            self.command("Input.dispatchKeyEvent", text)?;
        }
        event["type"] = json!("keyUp");
        self.command("Input.dispatchKeyEvent", event).map(drop)
    }

    /// Chooses files in a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn choose(&mut self, selector: &str, file: &Path) -> Result<()> {
        let root = self.command("DOM.getDocument", json!({}))?["root"]["nodeId"].clone();
        let field = self.command("DOM.querySelector", json!({"nodeId": root, "selector": selector}))?;
        let chosen = json!({"nodeId": field["nodeId"], "files": [file]});
        self.command("DOM.setFileInputFiles", chosen).map(drop)
    }

    /// How wide the window is, in pixels, and whether the person likes it dark.
    ///
    /// # Errors
    /// When it cannot be so.
    pub fn look_like(&mut self, width: u32, is_dark: bool) -> Result<()> {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", media).map(drop)
    }

    /// Forgets all cookies, as a browser does whose person signed out elsewhere.
    ///
    /// # Errors
    /// When it does not.
    pub fn forget(&mut self) -> Result<()> {
        self.command("Network.clearBrowserCookies", json!({})).map(drop)
    }

    /// A picture of the whole page, as PNG.
    ///
    /// # Errors
    /// When there is none.
    pub fn picture(&mut self) -> Result<Vec<u8>> {
        let shot = self.command("Page.captureScreenshot", json!({"captureBeyondViewport": true}))?;
        Ok(STANDARD.decode(shot["data"].as_str().context("a picture")?)?)
    }

    /// What the browser refused or complained of since it was asked last.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    fn command(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last_command += 1;
        let mut message = json!({"id": self.last_command, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.says.write_all(message.to_string().as_bytes())?;
        self.says.write_all(&[0])?;
        self.says.flush()?;
        loop {
            let heard = self.heard.recv_timeout(wait::PATIENCE).context("chromium says nothing more")?;
            if heard["id"] == self.last_command {
                ensure!(heard["error"].is_null(), "chromium: {method}: {}", heard["error"]);
                return Ok(heard["result"].clone());
            }
            self.note(&heard);
        }
    }

    /// Keeps what is wrong in a page's own eyes: a policy that refused something, a script that failed.
    fn note(&mut self, event: &Value) {
        let complaint = match event["method"].as_str() {
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                &event["params"]["entry"]
            }
            Some("Runtime.exceptionThrown") => &event["params"]["exceptionDetails"],
            _ => return,
        };
        self.complaints.push(complaint.to_string());
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Nothing of it is kept. Both fail only for a process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Messages as they come, until there are none any more.
fn listen(hears: impl std::io::Read + Send + 'static) -> Receiver<Value> {
    let (found, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for message in BufReader::new(hears).split(0) {
            let message = message.ok().and_then(|text| serde_json::from_slice(&text).ok());
            let Some(true) = message.map(|message| found.send(message).is_ok()) else { return };
        }
    });
    heard
}
