//! Who is at the pages: passwords (Argon2id, RFC 9106) and sessions.

use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use model::schema::people::{Session, SystemUser};
use model::{EmailAddress, Id, Timestamp, limits};
use store::{Organization, Priority, Store, StoreError};

use crate::CrmError;
use std::sync::Arc;

/// The fewest characters of a password (NIST SP 800-63B asks for eight at least).
pub const PASSWORD_CHARS_MIN: usize = 8;

/// A password as it is kept: Argon2id in PHC form.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes a password. Takes some 20 ms and 19 MiB on purpose.
    pub fn of(password: &str, salt: &[u8; 16]) -> Result<Self, CrmError> {
        let length = password.chars().count();
        if length < PASSWORD_CHARS_MIN || password.len() > 1_000 {
            return Err(CrmError::Invalid(format!(
                "a password has at least {PASSWORD_CHARS_MIN} characters"
            )));
        }
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
        hash.map(|hash| PasswordHash(hash.to_string())).map_err(|error| CrmError::Invalid(error.to_string()))
    }

    /// The PHC text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Visitor {
    /// The user.
    pub user: SystemUser,
    /// The organisation.
    pub organization: Arc<Organization>,
}

/// Signs a user in: the text of the session's cookie, or `None` where address or password are wrong.
///
/// Both cases take the same time, so that nobody learns from it who has an address here.
pub fn sign_in(
    store: &Store,
    (address, password): (&str, &str),
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<String>, CrmError> {
    let found = EmailAddress::parse(address).map(|address| find(store, &address)).transpose()?.flatten();
    let hash = found.as_ref().and_then(|(_, user)| user.passwordhash.clone());
    let is_right = verify(password, hash.as_deref());
    let Some((organization, user)) = found.filter(|(_, user)| is_right && !user.isdisabled) else {
        return Ok(None);
    };
    let session = Session {
        tokenhash: blake3_of(token),
        systemuserid: user.systemuserid,
        createdon: now,
        expireson: now.plus_seconds(limits::SESSION_HOURS * 3600),
    };
    let opened = organization.unit(Priority::Background, move |tx| {
        // The password may have been changed while it was checked; that ended all sessions before this one.
        let user = tx.user(session.systemuserid)?;
        let is_still_right = user.is_some_and(|user| user.passwordhash == hash && !user.isdisabled);
        if is_still_right {
            tx.open_session(&session)?;
        }
        Ok(is_still_right)
    });
    let is_opened = opened.wait().map_err(|error: StoreError| CrmError::Store(error))?;
    Ok(is_opened.then(|| format!("{}.{}", organization.id(), hex(token))))
}

/// Who a cookie belongs to, while its session lasts.
pub fn visitor(store: &Store, cookie: &str, now: Timestamp) -> Result<Option<Visitor>, CrmError> {
    let Some((organization, tokenhash)) = session_of(store, cookie)? else { return Ok(None) };
    let user = organization.read(|read| match read.session(&tokenhash, now)? {
        Some(session) => read.user(session.systemuserid),
        None => Ok(None),
    })?;
    Ok(user.filter(|user| !user.isdisabled).map(|user| Visitor { user, organization }))
}

/// Ends the session of a cookie.
pub fn sign_out(store: &Store, cookie: &str) -> Result<(), CrmError> {
    if let Some((organization, tokenhash)) = session_of(store, cookie)? {
        let closed = organization.unit(Priority::Background, move |tx| tx.close_session(&tokenhash));
        closed.wait().map_err(|error: StoreError| CrmError::Store(error))?;
    }
    Ok(())
}

fn find(store: &Store, address: &EmailAddress) -> Result<Option<(Arc<Organization>, SystemUser)>, CrmError> {
    let Some(route) = store.route(&address.key())? else { return Ok(None) };
    let organization = store.organization(route.organizationid)?;
    let user = organization.read(|read| read.user(route.targetid))?;
    Ok(user.map(|user| (organization, user)))
}

/// The organisation of a cookie, and the hash of its token.
type CookieParts = (Arc<Organization>, Vec<u8>);

fn session_of(store: &Store, cookie: &str) -> Result<Option<CookieParts>, CrmError> {
    let Some((organization, token)) = cookie.split_once('.') else { return Ok(None) };
    let (Ok(id), Some(token)) = (organization.parse::<Id>(), unhex(token)) else { return Ok(None) };
    match store.organization(id) {
        Ok(organization) => Ok(Some((organization, blake3_of(&token)))),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a password is right. Without a hash a made-up one is checked, for the time it takes.
fn verify(password: &str, hash: Option<&str>) -> bool {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let parsed = phc::PasswordHash::new(hash.unwrap_or(NOBODY));
    parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
        && hash.is_some()
}

fn blake3_of(token: &[u8]) -> Vec<u8> {
    message::identity::raw_digest(token).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use model::Moment;
    use model::filter::IncomingFilter;
    use store::StoreSettings;

    use super::*;
    use crate::records::{self, people, people::NewUser};

    const NOW: Timestamp = Timestamp::from_seconds(1_772_791_200);
    const JANE: &str = "jane@contoso.test";
    const BEN: &str = "ben@contoso.test";
    const PASSWORD: &str = "correct horse";

    /// Signing in blocks, so the rest is waited for one by one.
    fn done<T>(work: impl Future<Output = Result<T, CrmError>>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work).unwrap()
    }

    fn hash(password: &str) -> PasswordHash {
        PasswordHash::of(password, &[7; 16]).unwrap()
    }

    fn add(store: &Store, organization: &Arc<Organization>, (address, seed): (&str, u8)) -> Id {
        let new = NewUser {
            name: "Somebody".to_owned(),
            address: EmailAddress::parse(address).unwrap(),
            filter: IncomingFilter::All,
            is_administrator: false,
            password: Some(hash(PASSWORD)),
            key_seed: [seed; 10],
        };
        let moment = Moment::new(NOW, u64::from(seed));
        done(people::add_user(store, organization, new, moment)).systemuserid
    }

    #[test]
    fn another_password_and_disabling_end_all_sessions_of_that_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreSettings::for_tests(folder.path())).unwrap();
        let contoso = records::add_organization(&store, "contoso", &Moment::new(NOW, 1)).unwrap();
        let (jane, ben) = (add(&store, &contoso, (JANE, 2)), add(&store, &contoso, (BEN, 3)));
        let open =
            |address, password, token| sign_in(&store, (address, password), &[token; 32], NOW).unwrap();
        let is_in = |cookie: &str| visitor(&store, cookie, NOW).unwrap().is_some();
        let janes = [open(JANE, PASSWORD, 1).unwrap(), open(JANE, PASSWORD, 2).unwrap()];
        let bens = open(BEN, PASSWORD, 3).unwrap();
        assert!(is_in(&janes[0]) && is_in(&janes[1]) && is_in(&bens));

        done(people::set_password(&contoso, jane, hash("battery staple"), Moment::new(NOW, 4)));
        assert!(!is_in(&janes[0]) && !is_in(&janes[1]) && is_in(&bens));
        assert_eq!(open(JANE, PASSWORD, 4), None);
        assert!(is_in(&open(JANE, "battery staple", 5).unwrap()));

        done(people::disable_user(&contoso, ben, Moment::new(NOW, 5)));
        assert!(!is_in(&bens));
        assert_eq!(open(BEN, PASSWORD, 6), None);
        let tokenhash = blake3_of(&[3; 32]);
        assert_eq!(contoso.read(|read| read.session(&tokenhash, NOW)).unwrap(), None);
    }
}
