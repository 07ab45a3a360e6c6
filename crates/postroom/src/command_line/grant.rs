//! `postroom mailbox oauth` and `consent`: mailboxes that are opened with tokens of OAuth 2.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use postroom::commands::{
    ConsentProof, ConsentState, ConsentStep, GrantKind, GrantRequest, Hidden, Reply, Request, SetMailboxGrant,
};

use super::mailbox::{MailboxName, first_line, text};
use super::show::printable;
use super::{Counter, End};

#[derive(Args)]
pub(crate) struct OauthArguments {
    #[command(flatten)]
    of: MailboxName,
    /// How tokens are given out.
    #[arg(long, value_enum)]
    grant: GrantName,
    /// What Postroom is registered as at the provider.
    #[arg(long, value_name = "ID")]
    client: String,
    /// The file whose first line proves it, where the provider gave something; - for standard input.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Where tokens are given out.
    #[arg(long, value_name = "URL")]
    token_url: String,
    /// Where a person consents, with --grant browser.
    #[arg(long, value_name = "URL", required_if_eq("grant", "browser"))]
    authorize_url: Option<String>,
    /// Where a code for another device is given out, with --grant device.
    #[arg(long, value_name = "URL", required_if_eq("grant", "device"))]
    device_url: Option<String>,
    /// A file of certificates (PEM) that are believed of the provider instead of those that the machine believes. Those of the
    /// mail server are not.
    #[arg(long, value_name = "FILE")]
    provider_authority: Option<PathBuf>,
    /// What the tokens are for, as the provider calls it, and what makes them be renewed (offline_access).
    #[arg(long)]
    scope: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum GrantName {
    /// A person consents in a browser, which brings back a code.
    Browser,
    /// A person types a code at a page of the provider.
    Device,
    /// The provider gives them to Postroom itself.
    Client,
}

#[derive(Args)]
pub(crate) struct ConsentArguments {
    #[command(flatten)]
    of: MailboxName,
    /// Where the browser is sent back to, as it is registered at the provider. Nobody has to answer there.
    #[arg(long, value_name = "URL", default_value = "http://localhost")]
    redirect: String,
}

/// The request that the arguments are.
pub(super) fn request(arguments: OauthArguments) -> anyhow::Result<Request> {
    let secret = arguments.client_secret_file.as_deref().map(first_line).transpose()?;
    Ok(Request::Grant(GrantRequest::Set(SetMailboxGrant {
        organization: arguments.of.org,
        mailbox: arguments.of.name,
        kind: match arguments.grant {
            GrantName::Browser => GrantKind::Browser,
            GrantName::Device => GrantKind::Device,
            GrantName::Client => GrantKind::Client,
        },
        client: arguments.client,
        secret: secret.map(Hidden),
        token_url: arguments.token_url,
        authorize_url: arguments.authorize_url,
        device_url: arguments.device_url,
        authority: arguments.provider_authority.as_deref().map(text).transpose()?,
        scope: arguments.scope,
    })))
}

/// Leads a person through a consent.
pub(super) async fn consent(house: &mut Counter, arguments: ConsentArguments) -> anyhow::Result<End> {
    let ConsentArguments { of: MailboxName { org, name }, redirect } = arguments;
    let begin = Request::Grant(GrantRequest::Begin {
        organization: org.clone(),
        mailbox: name.clone(),
        redirect: redirect.clone(),
    });
    let Reply::ConsentStep(step) = house.ask(begin).await? else { bail!("the house answers something else") };
    let end =
        |proof| Request::Grant(GrantRequest::End { organization: org.clone(), mailbox: name.clone(), proof });
    match step {
        ConsentStep::Nothing => {}
        ConsentStep::Browser { page, state, verifier } => {
            say(&format!("open this page, and sign in as whoever the mailbox belongs to:\n\n{page}\n"))?;
            say("then paste the address at which the browser ends (a page may be missing there):")?;
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
            let code = Hidden(code_in(line.trim(), &state.0)?);
            house.ask(end(ConsentProof::Browser { code, verifier, redirect })).await?;
        }
        ConsentStep::Device { page, code, device, interval, lifetime } => {
            let (page, code) = (printable(&page), printable(&code));
            say(&format!("open {page} and type {code}; there are {} minutes", lifetime / 60))?;
            wait(house, || end(ConsentProof::Device(device.clone())), (interval, lifetime)).await?;
        }
    }
    say("the mailbox can be opened now")?;
    Ok(End::Well)
}

/// Asks until the person has consented.
async fn wait(
    house: &mut Counter,
    request: impl Fn() -> Request,
    (interval, lifetime): (u64, u64),
) -> anyhow::Result<()> {
    let (mut interval, mut waited) = (interval.max(1), 0);
    while waited <= lifetime {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        waited += interval;
        match house.ask(request()).await? {
            Reply::Consent(ConsentState::Given) => return Ok(()),
            Reply::Consent(ConsentState::TooOften) => interval += 5,
            _ => {}
        }
    }
    bail!("nobody has consented in time")
}

/// The code of the address at which a browser ended, or what it says instead.
fn code_in(address: &str, state: &str) -> anyhow::Result<String> {
    let query = address.split_once('?').map_or(address, |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let value = |wanted: &str| {
        let fields = query.split('&').filter_map(|field| field.split_once('='));
        let (_, value) = fields.into_iter().find(|(name, _)| *name == wanted)?;
        decoded(value)
    };
    if let Some(error) = value("error") {
        let about = value("error_description").unwrap_or_default();
        bail!("the provider says: {} {}", printable(&error), printable(&about));
    }
    let code = value("code").context("there is no code in this address")?;
    // Somebody else's code would open somebody else's mailbox.
    anyhow::ensure!(value("state").as_deref() == Some(state), "this address is that of another consent");
    Ok(code)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let number = 16 * digit(rest.next()?)? + digit(rest.next()?)?;
                u8::try_from(number).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_out_of_an_address() {
        let code = |address: &str| code_in(address, "s-1").map_err(|error| error.to_string());
        assert_eq!(code("http://localhost/?code=a%2Fb+c&state=s-1"), Ok("a/b c".to_owned()));
        assert_eq!(code("state=s-1&code=x#there"), Ok("x".to_owned()));
        assert_eq!(
            code("http://localhost/?code=x&state=other").unwrap_err(),
            "this address is that of another consent"
        );
        assert_eq!(code("http://localhost/?code=x").unwrap_err(), "this address is that of another consent");
        assert_eq!(
            code("http://localhost/?error=access_denied&error_description=not+now").unwrap_err(),
            "the provider says: access_denied not now"
        );
        assert_eq!(
            code("http://localhost/?error=no%1b%5D0%3B&error_description=x%0d%0ay").unwrap_err(),
            "the provider says: no ]0; x  y"
        );
        assert!(code("").is_err() && code("http://localhost/?code=%G0&state=s-1").is_err());
    }
}
