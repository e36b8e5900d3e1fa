//! Does what the `events` import asks, and keeps the board that events are pinned to.
//!
//! An event that has fired stays on the board, so whoever asks for it later finds it (Sails' `after`,
//! A5.2 and A5.3). The board also knows which hooks are still initializing and what they wait for:
//! when none of them can go on any more, all that wait are told so at once, instead of after a timeout.
//!
//! A hook that is lifted beside its own running copy is a candidate: what it subscribes to and fires is
//! put aside until it takes over, or forgotten if it never does ([`Board::stage`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::{GuestError, State, check_json, guest_error, list};
use crate::error::Phase;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::events::Host;

#[cfg(test)]
mod tests;

/// Events that may wait for one hook. A hook that is slower than that for good loses some, and the
/// log says so: memory must not grow with it.
const QUEUE_MAX: usize = 1_000;
/// What the board keeps for those that ask later, for as long as the server runs: names and bytes.
const PINNED_MAX: usize = 10_000;
const PINNED_BYTES_MAX: usize = 8 << 20;
/// The longest payload, and the longest name. An event says that something happened; data has other
/// ways.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 << 10;
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// An event on its way to a hook: its name and its JSON payload.
pub type Event = (Arc<str>, Arc<str>);

/// What has fired, who listens, and who still waits.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<Pins>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Pins {
    fired: HashMap<Arc<str>, Arc<str>>,
    fired_bytes: usize,
    subscribers: HashMap<String, Vec<Arc<str>>>,
    listeners: HashMap<Arc<str>, Listener>,
    /// Hooks that are being lifted beside a running set, and what they have done so far.
    candidates: HashMap<Arc<str>, Candidate>,
    /// Hooks whose `initialize` is not over.
    unfinished: BTreeMap<Arc<str>, Progress>,
    /// Once nobody can go on: what each of them waits for.
    stuck: Option<String>,
}

/// The end of a hook's queue that events go into.
#[derive(Debug)]
struct Listener {
    sender: mpsc::Sender<Event>,
    /// How many events are in the queue or being handled.
    pending: Arc<AtomicUsize>,
    /// Whether the hook is loaded, and so takes them out.
    open: bool,
    /// How many were dropped since the queue was empty.
    dropped: u64,
}

/// The end of a hook's queue that events come out of.
#[derive(Debug)]
pub struct Queue {
    receiver: mpsc::Receiver<Event>,
    pending: Arc<AtomicUsize>,
}

/// What a hook has done that has not taken over yet.
#[derive(Debug, Default)]
struct Candidate {
    listener: Option<Listener>,
    subscriptions: Vec<String>,
    fired: Vec<Event>,
}

impl Queue {
    /// The next event; none once the queue is closed and empty. It is pending until
    /// [`Board::handled`] is told.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

/// How far the `initialize` of one hook is.
#[derive(Debug)]
enum Progress {
    /// It has not begun: these hooks must load first.
    Held(Vec<String>),
    /// It runs.
    Running,
    /// It is in `events.wait` for these.
    Waiting(Vec<String>),
}

impl Board {
    /// Fires an event: pins it, hands it to its subscribers, and wakes those that wait.
    pub fn fire(&self, event: &str, payload: String) {
        let mut pins = self.pins();
        let event: Arc<str> = event.into();
        let payload: Arc<str> = payload.into();
        pins.pin(&event, &payload);
        tracing::trace!(%event, "event");
        for hook in pins.subscribers.get(&*event).cloned().unwrap_or_default() {
            pins.send(&hook, (event.clone(), payload.clone()));
        }
        drop(pins);
        self.changed.notify_waiters();
    }

    /// Fires an event of a candidate's: when it takes over, or never if it does not.
    pub(super) fn hold(&self, hook: &Arc<str>, event: &str, payload: String) {
        let mut pins = self.pins();
        let Some(candidate) = pins.candidates.get_mut(hook) else { return };
        if candidate.fired.len() < QUEUE_MAX {
            candidate.fired.push((event.into(), payload.into()));
        } else {
            tracing::warn!(%hook, %event, "the hook fires too many events before it takes over: dropped");
        }
        drop(pins);
        self.changed.notify_waiters();
    }

    /// Opens a hook's queue; its events come out of what this returns.
    pub fn listen(&self, hook: &Arc<str>) -> Queue {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let pending = Arc::new(AtomicUsize::new(0));
        let listener = Listener { sender, pending: pending.clone(), open: false, dropped: 0 };
        let mut pins = self.pins();
        match pins.candidates.get_mut(hook) {
            Some(candidate) => candidate.listener = Some(listener),
            None => drop(pins.listeners.insert(hook.clone(), listener)),
        }
        Queue { receiver, pending }
    }

    /// Notes that a hook is loaded and takes its events from now on.
    pub fn open(&self, hook: &Arc<str>) {
        let mut pins = self.pins();
        let pins = &mut *pins;
        let listener = match pins.candidates.get_mut(hook) {
            Some(candidate) => candidate.listener.as_mut(),
            None => pins.listeners.get_mut(hook),
        };
        if let Some(listener) = listener {
            listener.open = true;
        }
    }

    /// Makes candidates of hooks that are about to be lifted beside a running set.
    pub fn stage(self: &Arc<Self>, hooks: &[Arc<str>]) -> Staged {
        let mut pins = self.pins();
        pins.stuck = None;
        pins.candidates.extend(hooks.iter().map(|hook| (hook.clone(), Candidate::default())));
        Staged { board: self.clone(), hooks: hooks.to_vec() }
    }

    /// Lets candidates take over: events go to them, and no more to the copies that they replace, which
    /// still handle what is in their queues. What they have fired is fired now.
    fn take_over(&self, hooks: &[Arc<str>]) {
        let mut fired = Vec::new();
        let mut pins = self.pins();
        for hook in hooks {
            let Some(candidate) = pins.candidates.remove(hook) else { continue };
            pins.forget(hook);
            fired.extend(candidate.fired);
            if let Some(listener) = candidate.listener {
                pins.listeners.insert(hook.clone(), listener);
            }
            for event in candidate.subscriptions {
                pins.subscribe(hook, event);
            }
        }
        drop(pins);
        for (event, payload) in fired {
            self.fire(&event, payload.to_string());
        }
    }

    /// Ends the queues and subscriptions of hooks that are not part of the set any more.
    pub fn forget(&self, hooks: &[Arc<str>]) {
        let mut pins = self.pins();
        hooks.iter().for_each(|hook| pins.forget(hook));
    }

    /// Returns when every loaded hook has handled the events in its queue.
    pub async fn settled(&self) {
        loop {
            let mut woken = std::pin::pin!(self.changed.notified());
            woken.as_mut().enable();
            if !self.pins().under_way() {
                return;
            }
            woken.await;
        }
    }

    /// Closes all queues: what is in them is still delivered, nothing more comes.
    pub fn close(&self) {
        self.pins().listeners.clear();
    }

    /// Notes that a hook has handled an event of its queue.
    pub fn handled(&self, hook: &Arc<str>, queue: &Queue) {
        let mut pins = self.pins();
        // Under the lock, like every other change of it.
        let left = queue.pending.fetch_sub(1, Ordering::Relaxed) - 1;
        if let Some(listener) = pins.listeners.get_mut(hook)
            && Arc::ptr_eq(&listener.pending, &queue.pending)
            && left == 0
            && listener.dropped > 0
        {
            let dropped = std::mem::take(&mut listener.dropped);
            tracing::warn!(%hook, dropped, "the hook has caught up with its events");
        }
        if !pins.under_way() {
            self.changed.notify_waiters();
        }
        self.look_for_a_standstill(pins);
    }

    /// Notes the hooks that are about to initialize, and what holds each of them back.
    pub fn expect(&self, hooks: impl IntoIterator<Item = (Arc<str>, Vec<String>)>) {
        let mut pins = self.pins();
        pins.unfinished =
            hooks.into_iter().map(|(hook, after)| (hook, Progress::Held(after))).collect();
    }

    /// Notes that a hook's `initialize` begins.
    pub fn begin(&self, hook: &Arc<str>) {
        self.pins().unfinished.insert(hook.clone(), Progress::Running);
    }

    /// Notes that a hook's `initialize` is over, well or not.
    pub fn finish(&self, hook: &Arc<str>) {
        let mut pins = self.pins();
        pins.unfinished.remove(hook);
        self.look_for_a_standstill(pins);
    }

    /// Subscribes a hook; it gets the event at once if that has fired.
    fn subscribe(&self, hook: &Arc<str>, event: String) {
        let mut pins = self.pins();
        match pins.candidates.get_mut(hook) {
            Some(candidate) => candidate.subscriptions.push(event),
            None => pins.subscribe(hook, event),
        }
    }

    /// Returns when all have fired.
    async fn wait(&self, hook: &Arc<str>, events: &[String]) -> std::result::Result<(), String> {
        loop {
            let mut woken = std::pin::pin!(self.changed.notified());
            woken.as_mut().enable();
            {
                let mut pins = self.pins();
                if pins.have_fired(events) {
                    pins.unfinished.insert(hook.clone(), Progress::Running);
                    return Ok(());
                }
                if let Some(stuck) = &pins.stuck {
                    return Err(stuck.clone());
                }
                pins.unfinished.insert(hook.clone(), Progress::Waiting(events.to_vec()));
                self.look_for_a_standstill(pins);
            }
            woken.await;
        }
    }

    /// If no hook that is unfinished can go on, ends all waits.
    fn look_for_a_standstill(&self, mut pins: MutexGuard<'_, Pins>) {
        // An event that a loaded hook is about to handle may make it fire another.
        if pins.stuck.is_some() || pins.under_way() {
            return;
        }
        let can_go_on = pins.unfinished.values().any(|progress| match progress {
            Progress::Running => true,
            Progress::Waiting(events) => pins.have_fired(events),
            Progress::Held(after) => {
                after.iter().all(|hook| !pins.unfinished.contains_key(hook.as_str()))
            }
        });
        let waits: Vec<String> = pins
            .unfinished
            .iter()
            .filter_map(|(hook, progress)| match progress {
                Progress::Waiting(events) => {
                    let open: Vec<_> =
                        events.iter().filter(|event| !pins.has_fired(event)).collect();
                    Some(format!("hook `{hook}` waits for {}", list(&open)))
                }
                _ => None,
            })
            .collect();
        if !can_go_on && !waits.is_empty() {
            pins.stuck = Some(waits.join("; "));
            drop(pins);
            self.changed.notify_waiters();
        }
    }

    fn pins(&self) -> MutexGuard<'_, Pins> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pins {
    /// Whether a loaded hook has events to handle.
    fn under_way(&self) -> bool {
        self.listeners
            .values()
            .any(|listener| listener.open && listener.pending.load(Ordering::Relaxed) > 0)
    }

    fn subscribe(&mut self, hook: &Arc<str>, event: String) {
        let fired = self.fired.get_key_value(event.as_str()).map(|(k, v)| (k.clone(), v.clone()));
        let subscribers = self.subscribers.entry(event).or_default();
        if subscribers.contains(hook) {
            return;
        }
        subscribers.push(hook.clone());
        if let Some(fired) = fired {
            self.send(hook, fired);
        }
    }

    /// Ends a hook's queue and its subscriptions.
    fn forget(&mut self, hook: &Arc<str>) {
        self.listeners.remove(hook);
        self.subscribers.retain(|_, hooks| {
            hooks.retain(|subscribed| subscribed != hook);
            !hooks.is_empty()
        });
    }

    /// Keeps an event for those that ask later, while there is room.
    fn pin(&mut self, event: &Arc<str>, payload: &Arc<str>) {
        let old = self.fired.get(event).map_or(0, |old| event.len() + old.len());
        let bytes = self.fired_bytes - old + event.len() + payload.len();
        if (old == 0 && self.fired.len() >= PINNED_MAX) || bytes > PINNED_BYTES_MAX {
            return;
        }
        self.fired.insert(event.clone(), payload.clone());
        self.fired_bytes = bytes;
    }

    fn has_fired(&self, event: &str) -> bool {
        let by = |candidate: &Candidate| candidate.fired.iter().any(|(fired, _)| **fired == *event);
        // What the running copy of a candidate fired of itself says nothing of the candidate.
        let is_of = |hook: &Arc<str>| {
            let rest = event.strip_prefix("hook:").and_then(|rest| rest.strip_prefix(&**hook));
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        match self.candidates.iter().find(|(hook, _)| is_of(hook)) {
            Some((_, candidate)) => by(candidate),
            None => self.fired.contains_key(event) || self.candidates.values().any(by),
        }
    }

    fn have_fired(&self, events: &[String]) -> bool {
        events.iter().all(|event| self.has_fired(event))
    }

    fn send(&mut self, hook: &Arc<str>, event: Event) {
        let Some(listener) = self.listeners.get_mut(hook) else { return };
        match listener.sender.try_send(event) {
            Ok(()) => drop(listener.pending.fetch_add(1, Ordering::Relaxed)),
            // Said once until the queue is empty again: who fires without end must not flood the log.
            Err(mpsc::error::TrySendError::Full((event, _))) => {
                if listener.dropped == 0 {
                    let text = "the hook's event queue is full: events are dropped";
                    tracing::warn!(%hook, %event, "{text}");
                }
                listener.dropped += 1;
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

/// Candidates, until they take over. Dropped before that, they are forgotten.
#[derive(Debug)]
pub struct Staged {
    board: Arc<Board>,
    hooks: Vec<Arc<str>>,
}

impl Staged {
    /// Lets them take over.
    pub fn take_over(self) {
        self.board.take_over(&self.hooks);
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let mut pins = self.board.pins();
        for hook in &self.hooks {
            pins.candidates.remove(hook);
            pins.unfinished.remove(hook);
        }
    }
}

impl Host for State {
    fn emit(
        &mut self,
        event: String,
        payload: String,
    ) -> Result<std::result::Result<(), GuestError>> {
        self.enter()?;
        if let Err(error) = check_json(&payload, "the payload") {
            return Ok(Err(error));
        }
        if event.len() > NAME_BYTES_MAX || payload.len() > PAYLOAD_BYTES_MAX {
            let text = format!(
                "an event's name has up to {NAME_BYTES_MAX} bytes, its payload {PAYLOAD_BYTES_MAX}"
            );
            return Ok(Err(guest_error("E_EVENT_SIZE", text, None)));
        }
        if is_reserved(&event, &self.context.name) {
            let text = format!("only the server, or the hook it names, fires `{event}`");
            return Ok(Err(guest_error("E_EVENT_NAME", text, None)));
        }
        if !self.repeats() {
            // What is fired before a server is ready is about that server; so it is with a candidate.
            if !self.context.is_candidate()
                && let Some(nodes) = self.context.shared().nodes.get()
            {
                nodes.tell(&event, &payload);
            }
            self.context.outside.emitted(&self.context.name, &event, &payload);
            self.context.fire(&event, payload);
        }
        Ok(Ok(()))
    }

    async fn wait(&mut self, events: Vec<String>) -> Result<std::result::Result<(), GuestError>> {
        self.enter()?;
        if self.phase != Phase::Initialize {
            let text = format!(
                "`events.wait` was called in `{}`\nhint: wait in `initialize`, or subscribe",
                self.phase
            );
            return Ok(Err(guest_error("E_EVENT_WAIT", text, None)));
        }
        if self.repeats() {
            return Ok(Ok(()));
        }
        let context = self.context.clone();
        self.waiting.clone_from(&events);
        let waited = context.shared().events.wait(&context.name, &events).await;
        self.waiting.clear();
        Ok(waited.map_err(|waits| {
            let text = format!("no hook that is not loaded yet can go on: {waits}");
            guest_error("E_EVENT_STANDSTILL", text, None)
        }))
    }

    fn subscribe(&mut self, event: String) -> Result<std::result::Result<(), GuestError>> {
        self.enter()?;
        if !matches!(self.phase, Phase::Configure | Phase::Initialize) {
            let text = format!(
                "`events.subscribe` was called in `{}`\nhint: subscribe in `configure` or `initialize`",
                self.phase
            );
            return Ok(Err(guest_error("E_EVENT_SUBSCRIBE", text, None)));
        }
        // No such event can fire, and what is subscribed to is kept for as long as the server runs.
        if event.len() > NAME_BYTES_MAX {
            let text = format!("an event's name has up to {NAME_BYTES_MAX} bytes");
            return Ok(Err(guest_error("E_EVENT_SIZE", text, None)));
        }
        if !self.repeats() {
            self.context.shared().events.subscribe(&self.context.name, event);
        }
        Ok(Ok(()))
    }
}

/// Names that a hook must not fire: the server's, and `hook:<another>:...`. Of its own a hook
/// may fire all but those by which the server speaks about it.
fn is_reserved(event: &str, hook: &str) -> bool {
    let own = |rest: &str| rest.strip_prefix(hook).is_some_and(|rest| rest.starts_with(':'));
    is_of_a_server(event) || event.strip_prefix("hook:").is_some_and(|rest| !own(rest))
}

/// Names by which a server speaks about itself and its hooks.
pub(crate) fn is_of_a_server(event: &str) -> bool {
    if matches!(event, "" | "ready" | "lifted" | "lower") {
        return true;
    }
    event.strip_prefix("hook:").is_some_and(|rest| {
        let what = rest.split_once(':').map(|(_, what)| what);
        what.is_none_or(|what| matches!(what, "loaded" | "error" | "restarted"))
    })
}
