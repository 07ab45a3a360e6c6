//! The commands of a session, and what is believed of their answers.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::io;
use std::pin::pin;
use std::time::Duration;

use model::limits;

use super::answer::{Answer, Condition};
use super::fetch::{Body, Fetched};
use super::session::{Ear, Heard, OpenFolder, Session, deaf, refusal};
use super::words::Word;
use super::{
    BodySink, Capabilities, Disposal, Disposed, Folder, FolderName, Imap, Listed, Look, Namespace, Opened,
    Standing, Uid, UidSet, Window, Woken,
};
use crate::error::{ConnectError, Kind};

impl Look for Session {
    fn can(&self) -> &Capabilities {
        &self.can
    }

    async fn examine(&mut self, folder: &FolderName) -> Result<Opened, ConnectError> {
        self.open_folder("EXAMINE", folder).await
    }

    async fn list(&mut self, window: Window) -> Result<Vec<Listed>, ConnectError> {
        let most = u32::try_from(limits::IMAP_WINDOW_MAX).unwrap_or(u32::MAX);
        let first = window.first.max(1);
        let last =
            first.saturating_add(window.count.min(most)).saturating_sub(1).min(self.open_one()?.exists);
        if last < first {
            return Ok(Vec::new());
        }
        let is_asked = |message: &Listed| (first..=last).contains(&message.sequence);
        let lines = self.lines(&format!("FETCH {first}:{last}"), is_asked).await?;
        let mut listed: BTreeMap<u32, Listed> = BTreeMap::new();
        let mut is_twice = false;
        for message in lines {
            let before = listed.insert(message.sequence, message);
            is_twice |= before.is_some_and(|before| before.uid != message.uid);
        }
        // Places and numbers grow together (RFC 9051 §2.3.1.1); so two of a kind stand side by side.
        let listed: Vec<Listed> = listed.into_values().collect();
        if is_twice || !listed.is_sorted_by(|one, next| one.uid < next.uid) {
            return Err(ConnectError::protocol("the server numbers its messages in no order"));
        }
        Ok(listed)
    }

    async fn list_these(&mut self, uids: &UidSet) -> Result<Vec<Listed>, ConnectError> {
        self.open_one()?;
        at_most(uids, limits::IMAP_WINDOW_MAX)?;
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let is_asked = |message: &Listed| uids.contains(message.uid);
        let lines = self.lines(&format!("UID FETCH {uids}"), is_asked).await?;
        let listed: BTreeMap<Uid, Listed> = lines.into_iter().map(|message| (message.uid, message)).collect();
        Ok(listed.into_values().collect())
    }

    async fn standing(&mut self, folder: &FolderName) -> Result<Option<Standing>, ConnectError> {
        let mut standing = None;
        let mut ear = |answer: Answer| {
            if let Answer::Data("STATUS", words) = answer {
                standing = Standing::read(&words);
            }
            Ok(())
        };
        let command = format!("STATUS {} (UIDNEXT UIDVALIDITY)", folder.quoted(self.coding()));
        let status = self.status_of(&command, &mut ear).await?;
        Ok(standing.filter(|_| status.condition == Condition::Ok))
    }

    async fn headers(&mut self, uids: &UidSet) -> Result<Vec<(Uid, Vec<u8>)>, ConnectError> {
        at_most(uids, limits::IMAP_HEADERS_MAX)?;
        let mut headers = BTreeMap::new();
        let mut ear = |answer: Answer| {
            if let Answer::Fetch(Fetched { uid: Some(uid), header: Some(header), .. }) = answer
                && uids.contains(uid)
            {
                headers.insert(uid, header);
            }
            Ok(())
        };
        self.fetch(uids, "BODY.PEEK[HEADER]", &mut ear).await?;
        Ok(headers.into_iter().collect())
    }

    async fn bodies<S: BodySink>(&mut self, uids: &UidSet, sink: &mut S) -> Result<(), ConnectError> {
        let mut ear = Bodies { wanted: uids.clone(), sink };
        self.fetch(uids, "BODY.PEEK[]", &mut ear).await
    }

    async fn exists(&mut self, uids: &UidSet) -> Result<UidSet, ConnectError> {
        let mut there = UidSet::default();
        let mut ear = |answer: Answer| {
            if let Answer::Fetch(Fetched { uid: Some(uid), .. }) = answer
                && uids.contains(uid)
            {
                there.insert(uid);
            }
            Ok(())
        };
        self.fetch(uids, "", &mut ear).await?;
        Ok(there)
    }

    async fn wait(&mut self, until: impl Future<Output = ()> + Send) -> Result<Woken, ConnectError> {
        let mut until = pin!(until);
        self.wire.rest();
        if self.can.has("IDLE")
            && let Some(woken) = self.idle(&mut until).await?
        {
            return Ok(woken);
        }
        // Without it the server is asked now and then.
        loop {
            let pause = tokio::time::sleep(Duration::from_secs(limits::IMAP_NOOP_SECONDS));
            let is_over = tokio::select! {
                biased;
                () = &mut until => true,
                () = pause => false,
            };
            let mut news = News(false);
            self.command("NOOP", &mut news).await?;
            if news.0 {
                return Ok(Woken::News);
            }
            if is_over {
                return Ok(Woken::Time);
            }
        }
    }

    async fn folders(&mut self) -> Result<Vec<Folder>, ConnectError> {
        // Some say what a folder is for only when they are asked (RFC 6154 §2).
        let asks = self.can.has("SPECIAL-USE") && self.can.has("LIST-EXTENDED");
        let command = if asks { r#"LIST "" "*" RETURN (SPECIAL-USE)"# } else { r#"LIST "" "*""# };
        self.listed(command).await
    }

    async fn namespace(&mut self) -> Result<Option<Namespace>, ConnectError> {
        let (mut namespace, coding) = (None, self.coding());
        if self.can.has("NAMESPACE") {
            let mut ear = |answer: Answer| {
                if let Answer::Data("NAMESPACE", words) = answer {
                    namespace = Some(Namespace::read(&words, coding));
                }
                Ok(())
            };
            self.command("NAMESPACE", &mut ear).await?;
        }
        Ok(namespace)
    }

    async fn bye(mut self) -> Result<(), ConnectError> {
        match self.command("LOGOUT", &mut deaf).await {
            // BYE is how a server begins to answer; whether it says more is no matter.
            Err(error) if error.kind != Kind::Closed => Err(error),
            _ => Ok(()),
        }
    }
}

impl Imap for Session {
    async fn select(&mut self, folder: &FolderName) -> Result<Opened, ConnectError> {
        self.open_folder("SELECT", folder).await
    }

    async fn dispose(&mut self, uids: &UidSet, how: &Disposal) -> Result<Disposed, ConnectError> {
        if !self.open_one()?.is_for_work {
            return Err(ConnectError::new(Kind::NotOffered, "the folder is open to look only"));
        }
        if uids.is_empty() {
            return Ok(Disposed::default());
        }
        at_most(uids, limits::IMAP_WINDOW_MAX)?;
        match how {
            Disposal::Move(to) if self.can.has("MOVE") => {
                self.carry("MOVE", uids, to).await?;
            }
            Disposal::Move(to) => {
                self.carry("COPY", uids, to).await?;
                self.remove(uids).await?;
            }
            Disposal::Delete => self.remove(uids).await?,
            Disposal::DeleteAlone(before) if !self.can.has("UIDPLUS") => {
                self.mark(uids).await?;
                let marked = self.marked().await?;
                let is_ours = |uid: Uid| uids.contains(uid) || before.contains(uid);
                // An answer that cannot be read names none: then nothing is removed.
                if uids.without(&marked).is_empty() && marked.iter().all(is_ours) {
                    self.command("EXPUNGE", &mut deaf).await?;
                }
            }
            Disposal::DeleteAlone(_) => self.remove(uids).await?,
            Disposal::Flag => self.mark(uids).await?,
        }
        let (left, flagged) = self.left(uids).await?;
        Ok(Disposed { gone: uids.without(&left), flagged })
    }

    async fn create(&mut self, folder: &FolderName) -> Result<(), ConnectError> {
        let status = self.status_of(&format!("CREATE {}", folder.quoted(self.coding())), &mut deaf).await?;
        if status.condition != Condition::Ok && !status.is("ALREADYEXISTS") {
            // Older servers have no code for it.
            let command = format!(r#"LIST "" {}"#, folder.quoted(self.coding()));
            let listed = self.listed(&command).await?;
            if !listed.iter().any(|listed| listed.name == *folder) {
                return Err(refusal(&status));
            }
        }
        // Many clients show only what is subscribed. Where that is impossible, it is there all the same.
        self.status_of(&format!("SUBSCRIBE {}", folder.quoted(self.coding())), &mut deaf).await?;
        Ok(())
    }

    async fn own_folder(&mut self, name: &str) -> Result<FolderName, ConnectError> {
        let prefix = self.namespace().await?.unwrap_or_default().own;
        let name = FolderName::new(&format!("{prefix}{name}"));
        name.ok_or_else(|| ConnectError::new(Kind::NotOffered, "no folder can have this name"))
    }
}

impl Session {
    fn open_one(&self) -> Result<OpenFolder, ConnectError> {
        self.folder.ok_or_else(|| ConnectError::new(Kind::NotOffered, "no folder is open"))
    }

    async fn open_folder(&mut self, how: &str, folder: &FolderName) -> Result<Opened, ConnectError> {
        self.folder = None;
        let (mut exists, mut validity, mut next, mut modseq) = (0, None, None, None);
        let mut ear = |answer: Answer| {
            match answer {
                Answer::Exists(count) => exists = count,
                Answer::Status(status) => {
                    validity = status.number("UIDVALIDITY").or(validity);
                    next = status.number("UIDNEXT").or(next);
                    modseq = status.number("HIGHESTMODSEQ").or(modseq);
                }
                _ => {}
            }
            Ok(())
        };
        let status = self.command(&format!("{how} {}", folder.quoted(self.coding())), &mut ear).await?;
        let validity = validity.and_then(Uid::new).map(Uid::get);
        let Some(uidvalidity) = validity else {
            let words = "the server gives messages no numbers that last (no UIDVALIDITY)";
            return Err(ConnectError::new(Kind::NotOffered, words));
        };
        let is_read_only = how == "EXAMINE" || status.is("READ-ONLY");
        self.folder = Some(OpenFolder { uidvalidity, exists, is_for_work: !is_read_only });
        let uidnext = next.and_then(|next| u32::try_from(next).ok());
        Ok(Opened { uidvalidity, uidnext, exists, highestmodseq: modseq, is_read_only })
    }

    /// Lines of a list. A server that cannot tell the size of one message refuses them all: then it is asked for what
    /// needs no reading, and for the rest of it in parts that grow smaller around such a message.
    async fn lines(
        &mut self,
        command: &str,
        is_asked: impl Fn(&Listed) -> bool + Send + Sync,
    ) -> Result<Vec<Listed>, ConnectError> {
        match self.lines_with(&format!("{command} (UID {LINE})"), &is_asked).await {
            Err(error) if error.leaves_the_session() => {}
            lines => return lines,
        }
        let mut lines = self.lines_with(&format!("{command} (UID FLAGS)"), &is_asked).await?;
        let mut parts = vec![lines.iter().map(|line| line.uid).collect::<Vec<Uid>>()];
        while let Some(mut part) = parts.pop() {
            let asked: UidSet = part.iter().copied().collect();
            if asked.is_empty() {
                continue;
            }
            let is_in_part = |line: &Listed| asked.contains(line.uid);
            match self.lines_with(&format!("UID FETCH {asked} (UID {LINE})"), is_in_part).await {
                // Places stay those of one moment.
                Ok(full) => lines.iter_mut().for_each(|line| {
                    if let Some(full) = full.iter().find(|full| full.uid == line.uid) {
                        *line = Listed { sequence: line.sequence, ..*full };
                    }
                }),
                Err(error) if !error.leaves_the_session() => return Err(error),
                Err(_) if part.len() > 1 => {
                    let other = part.split_off(part.len() / 2);
                    parts.extend([other, part]);
                }
                // Its size stays unknown.
                Err(_) => {}
            }
        }
        Ok(lines)
    }

    async fn lines_with(
        &mut self,
        command: &str,
        is_asked: impl Fn(&Listed) -> bool + Send + Sync,
    ) -> Result<Vec<Listed>, ConnectError> {
        let mut lines = Vec::new();
        let is_full = command.ends_with(&format!("{LINE})"));
        let mut ear = |answer: Answer| {
            let Answer::Fetch(fetched) = answer else { return Ok(()) };
            let line = listing(&fetched).filter(|_| fetched.size.is_some() || !is_full);
            lines.extend(line.filter(&is_asked));
            if lines.len() > LINES_MAX {
                return Err(ConnectError::new(Kind::Limit, "the server lists messages again and again"));
            }
            Ok(())
        };
        self.command(command, &mut ear).await?;
        Ok(lines)
    }

    async fn fetch(&mut self, uids: &UidSet, items: &str, ear: &mut impl Ear) -> Result<(), ConnectError> {
        self.open_one()?;
        at_most(uids, limits::IMAP_WINDOW_MAX)?;
        if uids.is_empty() {
            return Ok(());
        }
        let items = if items.is_empty() { "UID".to_owned() } else { format!("UID {items}") };
        self.command(&format!("UID FETCH {uids} ({items})"), ear).await.map(drop)
    }

    /// Marks them, and takes them out where that concerns no others (UIDPLUS, RFC 4315).
    async fn remove(&mut self, uids: &UidSet) -> Result<(), ConnectError> {
        self.mark(uids).await?;
        if self.can.has("UIDPLUS") {
            self.command(&format!("UID EXPUNGE {uids}"), &mut deaf).await?;
        }
        Ok(())
    }

    async fn mark(&mut self, uids: &UidSet) -> Result<(), ConnectError> {
        self.command(&format!(r"UID STORE {uids} +FLAGS.SILENT (\Deleted)"), &mut deaf).await.map(drop)
    }

    /// All that are marked as deleted, by whomever.
    async fn marked(&mut self) -> Result<UidSet, ConnectError> {
        let mut marked = UidSet::default();
        let mut ear = |answer: Answer| {
            if let Answer::Data("SEARCH", words) = answer {
                let uids = words.iter().filter_map(|word| Uid::new(word.number()?));
                for uid in uids {
                    marked.insert(uid);
                }
            }
            Ok(())
        };
        self.command("UID SEARCH DELETED", &mut ear).await?;
        Ok(marked)
    }

    /// Those that are there, and of these the ones that are marked as deleted.
    async fn left(&mut self, uids: &UidSet) -> Result<(UidSet, UidSet), ConnectError> {
        let (mut there, mut flagged) = (UidSet::default(), UidSet::default());
        let mut ear = |answer: Answer| {
            if let Answer::Fetch(Fetched { uid: Some(uid), flags, .. }) = answer
                && uids.contains(uid)
            {
                there.insert(uid);
                if flags.is_some_and(|flags| flags.is_deleted) {
                    flagged.insert(uid);
                }
            }
            Ok(())
        };
        self.fetch(uids, "FLAGS", &mut ear).await?;
        Ok((there, flagged))
    }

    /// MOVE or COPY; the folder is made where it is missing.
    async fn carry(&mut self, verb: &str, uids: &UidSet, to: &FolderName) -> Result<(), ConnectError> {
        let command = format!("UID {verb} {uids} {}", to.quoted(self.coding()));
        match self.command(&command, &mut deaf).await {
            Err(error) if error.kind == Kind::NoFolder => {
                self.create(to).await?;
                self.command(&command, &mut deaf).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn listed(&mut self, command: &str) -> Result<Vec<Folder>, ConnectError> {
        let (mut folders, coding) = (Vec::new(), self.coding());
        let mut ear = |answer: Answer| {
            if let Answer::Data("LIST", words) = answer {
                folders.extend(Folder::read(&words, coding));
            }
            if folders.len() > limits::IMAP_FOLDERS_MAX {
                return Err(ConnectError::new(Kind::Limit, "the mailbox has too many folders"));
            }
            Ok(())
        };
        self.command(command, &mut ear).await?;
        Ok(folders)
    }

    /// Waits with IDLE (RFC 2177); `None`, where the server does not take it after all.
    async fn idle(
        &mut self,
        until: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Option<Woken>, ConnectError> {
        self.begin()?;
        let tag = self.next_tag();
        let mut news = News(false);
        self.send(format!("{tag} IDLE\r\n").as_bytes()).await?;
        let refused = loop {
            match self.next(&mut news).await? {
                Heard::Go(_) => break None,
                Heard::End(ended, status) => break Some(self.ended(&tag, &ended, status)?),
                _ => {}
            }
        };
        if refused.is_none() {
            let mut is_time = false;
            while !news.0 && !is_time {
                match self.next_here(&mut news).await? {
                    Some(Heard::End(..)) => {
                        return Err(ConnectError::protocol("the server ends IDLE by itself"));
                    }
                    Some(_) => {}
                    None => is_time = !self.wire.fill_before(until).await?,
                }
            }
            self.send(b"DONE\r\n").await?;
            loop {
                if let Heard::End(ended, status) = self.next(&mut news).await? {
                    self.ended(&tag, &ended, status)?;
                    break;
                }
            }
        } else {
            self.can.forget("IDLE");
        }
        self.free();
        let woken = if news.0 { Woken::News } else { Woken::Time };
        Ok(refused.is_none().then_some(woken))
    }
}

/// Hears whether anything changed.
struct News(bool);

impl Ear for News {
    fn hear(&mut self, answer: Answer) -> impl Future<Output = Result<(), ConnectError>> + Send {
        // `* OK Still here` is none.
        self.0 |= !matches!(answer, Answer::Status(_) | Answer::Data(..));
        ready(Ok(()))
    }
}

/// Hands bodies on, and finds out whose they were.
struct Bodies<'s, S> {
    /// Those that have not come.
    wanted: UidSet,
    sink: &'s mut S,
}

impl<S: BodySink> Ear for Bodies<'_, S> {
    async fn hear(&mut self, answer: Answer) -> Result<(), ConnectError> {
        let Answer::Fetch(Fetched { uid, body: Some(body), .. }) = answer else { return Ok(()) };
        let Some(uid) = uid.filter(|uid| self.wanted.remove(*uid)) else {
            return Err(ConnectError::protocol("the server sends a body that nobody asked for"));
        };
        match body {
            Body::Nil => return Ok(()),
            Body::Streamed(_) => {}
            Body::Quoted(text) => {
                let size = u64::try_from(text.len()).unwrap_or_default();
                self.sink.begin(size).await.map_err(ours)?;
                self.sink.piece(&text).await.map_err(ours)?;
            }
        }
        self.sink.end(uid).await.map_err(ours)
    }

    async fn body(&mut self, size: u64) -> Result<(), ConnectError> {
        self.sink.begin(size).await.map_err(ours)
    }

    async fn piece(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        self.sink.piece(bytes).await.map_err(ours)
    }
}

fn ours(error: io::Error) -> ConnectError {
    ConnectError::new(Kind::Here, format!("the mail cannot be kept while it comes: {error}"))
}

fn at_most(uids: &UidSet, most: usize) -> Result<(), ConnectError> {
    if uids.len() <= most {
        return Ok(());
    }
    Err(ConnectError::new(Kind::Here, "more messages are asked for at a time than may be"))
}

impl Standing {
    /// The words behind STATUS: `"Sent" (UIDNEXT 5 UIDVALIDITY 9)`. Only one folder is asked about at a time.
    fn read(words: &[Word]) -> Option<Self> {
        let number = |name: &str| {
            let at = words.iter().rposition(|word| word.is(name))?;
            u32::try_from(words.get(at + 1)?.number()?).ok()
        };
        Some(Standing { uidvalidity: number("UIDVALIDITY")?, uidnext: number("UIDNEXT")? })
    }
}

/// A line of a list, of an answer that is one.
fn listing(fetched: &Fetched) -> Option<Listed> {
    Some(Listed {
        uid: fetched.uid?,
        sequence: fetched.sequence,
        flags: fetched.flags?,
        arrived: fetched.arrived,
        size: fetched.size.unwrap_or_default(),
    })
}

/// What a line of a list says beside the UID.
const LINE: &str = "FLAGS INTERNALDATE RFC822.SIZE";

/// Lines of one list: some may come twice, when flags change meanwhile.
const LINES_MAX: usize = 16 * limits::IMAP_WINDOW_MAX;
