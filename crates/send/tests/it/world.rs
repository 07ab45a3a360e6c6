//! An outbox in memory, and relays that do what a script says.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use model::limits;
use send::{Admitted, Carrier, Loaded, Outbox, Parcel, Reply, Tried};

/// From this number on mail is bulk mail.
pub(crate) const FIRST_BULK: u32 = 1_000_000;

/// What is known after the work.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) waiting: VecDeque<u32>,
    pub(crate) settled: Vec<(u32, Tried)>,
    pub(crate) sent: Vec<u32>,
    pub(crate) opened: usize,
    pub(crate) open_now: usize,
    pub(crate) closed: usize,
    /// Nobody reaches the relay.
    pub(crate) is_away: bool,
    /// Where fewer than usual are allowed.
    pub(crate) connections: Option<usize>,
    /// Mails whose time it is not.
    pub(crate) sent_away: Vec<u32>,
    /// Mails of which the end may not go out.
    pub(crate) lost: Vec<u32>,
    /// A session ends after so many mails, without a word.
    pub(crate) mails_a_session: Option<usize>,
    /// Mails that are not to go out.
    pub(crate) stopped: Vec<u32>,
    /// Mails that somebody else delivers.
    pub(crate) taken_over: Vec<u32>,
    /// Mails whose source cannot be read.
    pub(crate) unreadable: Vec<u32>,
    /// The relay thinks about this one until it is woken.
    pub(crate) hangs: Option<u32>,
    /// The relay thinks about bulk mail until it is woken.
    pub(crate) is_slow_with_bulk: bool,
    /// How often something was written down.
    pub(crate) commits: usize,
    /// Mails that were held for longer.
    pub(crate) renewed: Vec<u32>,
    /// The program stops when this mail is sent.
    pub(crate) stops_at: Option<u32>,
}

#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    pub(crate) woken: Arc<tokio::sync::Notify>,
    pub(crate) stop: tokio_util::sync::CancellationToken,
}

impl World {
    pub(crate) fn of(mails: u32) -> Self {
        let world = World {
            state: Arc::default(),
            woken: Arc::default(),
            stop: tokio_util::sync::CancellationToken::new(),
        };
        (0..mails).for_each(|mail| world.put(mail));
        world
    }

    pub(crate) fn put(&self, mail: u32) {
        self.state().waiting.push_back(mail);
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) async fn run(&self) -> send::Ended {
        send::send_due(self.clone(), &self.stop).await
    }
}

impl Outbox for World {
    type Mail = u32;
    type Carrier = Line;
    type Pass = ();

    async fn connections(&self) -> usize {
        self.state().connections.unwrap_or(limits::OUTBOX_CONNECTIONS_MAX)
    }

    async fn claim(&self, at_most: usize, has_bulk: bool) -> Vec<u32> {
        let mut state = self.state();
        for is_bulk in [false, true] {
            let is_wanted = |mail: &u32| (*mail >= FIRST_BULK) == is_bulk && (has_bulk || !is_bulk);
            let mails: Vec<u32> = state.waiting.iter().copied().filter(is_wanted).take(at_most).collect();
            state.waiting.retain(|mail| !mails.contains(mail));
            if !mails.is_empty() {
                return mails;
            }
        }
        Vec::new()
    }

    fn is_bulk(&self, mail: &u32) -> bool {
        *mail >= FIRST_BULK
    }

    async fn admit(&self, mail: &u32) -> Admitted<()> {
        match self.state().sent_away.contains(mail) {
            true => Admitted::In(Duration::from_secs(7)),
            false => Admitted::Now(()),
        }
    }

    async fn load(&self, mail: &u32) -> Result<Loaded, String> {
        if self.state().unreadable.contains(mail) {
            return Err("its source is not here".to_owned());
        }
        let parcel = Parcel {
            name: String::new(),
            mail_from: "jane@contoso.test".to_owned(),
            recipients: vec![format!("{mail}@fabrikam.test")],
            raw: b"Subject: it\r\n\r\n".as_slice().into(),
            wants_report: false,
        };
        let stopped = || Tried::Stopped { words: "not that one".to_owned(), is_failure: false };
        Ok(match () {
            () if self.state().stopped.contains(mail) => Loaded::Settled(stopped()),
            () if self.state().taken_over.contains(mail) => Loaded::TakenOver(parcel),
            () => Loaded::ForRelay(parcel),
        })
    }

    async fn hand_over(&self, mail: &u32, _: Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        if !may_end.await {
            return Tried::NotSent { words: "another node has it".to_owned(), replies: Vec::new() };
        }
        self.state().sent.push(*mail);
        Tried::TakenOver(vec![Reply { code: 250, text: "delivered".to_owned() }])
    }

    async fn open(&self) -> Result<Line, String> {
        let mut state = self.state();
        state.opened += 1;
        if state.is_away {
            return Err("nobody answers".to_owned());
        }
        state.open_now += 1;
        Ok(Line { world: self.clone(), mails: 0, is_broken: false })
    }

    async fn write_down(&self, tried: Vec<(u32, Tried)>, ending: Vec<u32>) -> Vec<bool> {
        tokio::task::yield_now().await;
        for (mail, tried) in tried {
            self.state().settled.push((mail, tried));
        }
        self.state().commits += 1;
        let woken = self.woken.notified();
        let (hangs, is_slow) = {
            let state = self.state();
            (state.hangs, state.is_slow_with_bulk)
        };
        if ending.first().is_some_and(|mail| hangs == Some(*mail) || (is_slow && *mail >= FIRST_BULK)) {
            woken.await;
        }
        ending.iter().map(|mail| !self.state().lost.contains(mail)).collect()
    }

    async fn renew(&self, mails: Vec<u32>) {
        self.state().renewed.extend(mails);
    }
}

pub(crate) struct Line {
    world: World,
    mails: usize,
    is_broken: bool,
}

impl Carrier for Line {
    async fn send(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        if self.world.state().mails_a_session.is_some_and(|most| self.mails >= most) {
            self.is_broken = true;
            return Tried::NotSent { words: "the relay hung up".to_owned(), replies: vec![None] };
        }
        if !may_end.await {
            self.is_broken = true;
            return Tried::NotSent { words: "another node has it".to_owned(), replies: vec![None] };
        }
        self.mails += 1;
        let mail = parcel.recipients[0].split('@').next().unwrap().parse().unwrap();
        let mut state = self.world.state();
        state.sent.push(mail);
        if state.stops_at == Some(mail) {
            self.world.stop.cancel();
        }
        Tried::Answered(vec![Reply { code: 250, text: "taken".to_owned() }])
    }

    fn has_ended(&self) -> bool {
        self.is_broken
    }

    async fn close(self) {
        let mut state = self.world.state();
        state.closed += 1;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.world.state().open_now -= 1;
    }
}
