//! Hooks that are web services: the one of the manual, and others that do not behave.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use postroom::settings::HookSection;
use testkit::missing::or_skip;
use testkit::wait;

use super::{Stage, python};

/// A service that runs until it is dropped.
struct Service(Child);

impl Service {
    fn start(words: &[String], port: u16) -> Result<Self> {
        let [program, arguments @ ..] = words else { anyhow::bail!("no program") };
        let service = Service(Command::new(program).args(arguments).stderr(Stdio::null()).spawn()?);
        wait::until("the service to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

fn asks(folder: &Path, hook: &mut HookSection, url: String) {
    hook.url = url;
    hook.secret_file = folder.join("hook.secret");
    fs::write(&hook.secret_file, SECRET).unwrap();
}

#[test]
fn the_service_of_the_manual_believes_the_signature_and_stops_mail() {
    or_skip(|| {
        let port = wait::free_port()?.port();
        let stage = Stage::set(|folder, hook| asks(folder, hook, format!("http://localhost:{port}/hook")))?;
        stage.send("first")?;
        let row = stage.becomes("first", "Pending Send")?;
        ensure!(row.error.is_some_and(|error| error.contains("does not answer at port")), "nobody is there");
        let script = "../../docs/operate/hooks/service.py";
        let secret = stage.folder.path().join("hook.secret");
        let words = python(script, &[Path::new(&port.to_string()), &secret]);
        let _service = Service::start(&words, port)?;
        stage.send("second")?;
        let row = stage.becomes("second", "Canceled")?;
        ensure!(
            row.error.is_some_and(|error| error.contains("it goes to test addresses alone")),
            "its reason"
        );
        Ok(())
    });
}

#[test]
fn a_service_with_another_secret_says_no() {
    or_skip(|| {
        let port = wait::free_port()?.port();
        let stage = Stage::set(|folder, hook| asks(folder, hook, format!("http://127.0.0.1:{port}/")))?;
        let other = stage.folder.path().join("other.secret");
        fs::write(&other, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx\n")?;
        let script = "../../docs/operate/hooks/service.py";
        let _service = Service::start(&python(script, &[Path::new(&port.to_string()), &other]), port)?;
        stage.send("first")?;
        let row = stage.becomes("first", "Pending Send")?;
        ensure!(row.error.as_ref().is_some_and(|error| error.contains("the hook says 401")), "{row:?}");
        Ok(())
    });
}

/// What becomes of a mail where the service behaves like this.
fn trouble(mode: &str, words: &str) {
    or_skip(|| {
        let port = wait::free_port()?.port();
        let is_tls = mode == "tls";
        let scheme = if is_tls { "https" } else { "http" };
        let stage = Stage::set(|folder, hook| {
            asks(folder, hook, format!("{scheme}://localhost:{port}/"));
            hook.seconds = 2;
        })?;
        let (folder, port_word) = (stage.folder.path(), port.to_string());
        if is_tls {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
            fs::write(folder.join("pem"), made.cert.pem() + &made.signing_key.serialize_pem())?;
        }
        let arguments = [Path::new(&port_word), Path::new(mode), folder];
        let _service = Service::start(&python("tests/it/hooks/service.py", &arguments), port)?;
        stage.send("first")?;
        let row = stage.becomes("first", "Pending Send")?;
        ensure!(row.error.as_ref().is_some_and(|error| error.contains(words)), "{row:?}");
        Ok(())
    });
}

#[test]
fn a_service_whose_certificate_nobody_believes_hears_nothing() {
    trouble("tls", "signed by nobody who is believed here");
}

#[test]
fn a_service_that_is_slow_keeps_the_mail_waiting() {
    trouble("slow", "did not answer within 2 seconds");
}

#[test]
fn a_service_that_fails_keeps_the_mail_waiting() {
    trouble("500", "the hook says 500");
}

#[test]
fn nobody_is_led_elsewhere() {
    trouble("redirect", "nobody is led elsewhere");
}

#[test]
fn a_service_that_says_too_much_is_not_heard() {
    trouble("much", "it answers more than");
}

#[test]
fn a_private_address_that_is_not_named_is_refused() {
    or_skip(|| {
        let stage = Stage::set(|folder, hook| asks(folder, hook, "https://127.0.0.2:1/".to_owned()))?;
        stage.send("first")?;
        let row = stage.becomes("first", "Pending Send")?;
        ensure!(
            row.error.is_some_and(|error| error.contains("hooks.private_networks does not name it")),
            "why"
        );
        Ok(())
    });
}
