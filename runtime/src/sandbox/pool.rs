//! Keeps a hook's instances between calls, and bounds how many there are and how many wait for one.
//!
//! An instance is taken out for a call and belongs to the caller. Putting it back is the only way to
//! keep it, and only success does: a trap, a limit, a panic or a caller that goes away drop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::compile::Program;
use super::instance::Instance;
use super::replay::Replay;
use super::shelf::{NoPlace, Place, Shelf, Waiter};
use super::snapshot::Snapshot;
use crate::config::Mode;
use crate::error::{Code, Failure, Phase};
use crate::exchange::Exchange;
use crate::hook::said;
use crate::host::Context;

/// How often [`Pool::sweep`] is to be called.
pub const SWEEP: Duration = Duration::from_secs(5);
/// An instance that was idle for so many sweeps is freed: a minute, as bursts come in minutes.
const IDLE_SWEEPS: u32 = 12;

/// The instances of one hook.
#[derive(Debug)]
pub struct Pool {
    program: Arc<Program>,
    context: Arc<Context>,
    mode: Mode,
    shelf: Shelf<Box<Instance>>,
    waiting: AtomicUsize,
    /// The same for calls after a response: they take no request's place.
    waiting_finishes: AtomicUsize,
    live: AtomicU32,
    /// How many sweeps there were: the pool's clock, so that no call has to read a real one.
    sweeps: AtomicU32,
    /// Where new instances begin, if that can be had.
    snapshot: Arc<Snapshot>,
    /// How they come to the same state if it cannot.
    replay: Replay,
    /// What the generation before handed out: each instance is given it.
    handed: OnceLock<Arc<String>>,
}

/// An instance that was taken out, and its place in the pool.
#[derive(Debug)]
pub struct Lease<'a> {
    pool: &'a Pool,
    /// None while it is being made.
    instance: Option<Box<Instance>>,
    rescue: Option<Rescue>,
    /// Whether the place has been given back.
    is_over: bool,
}

/// A place where an exchange is left if the call that has it is dropped, as happens to a callee when
/// its caller reaches a limit.
#[derive(Clone, Debug, Default)]
pub struct Rescue(Arc<Mutex<Option<Box<Exchange>>>>);

impl Rescue {
    /// Takes what was left.
    pub fn take(&self) -> Option<Box<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves an exchange here.
    pub fn leave(&self, exchange: Box<Exchange>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }
}

impl Pool {
    /// A pool around the hook's first instance, whose lifecycle has run.
    pub fn new(
        program: Arc<Program>,
        context: Arc<Context>,
        mode: Mode,
        mut first: Box<Instance>,
        snapshot: Arc<Snapshot>,
        replay: Replay,
    ) -> Self {
        first.settle_in(0);
        let instances = match mode {
            Mode::Single => 1,
            Mode::Pooled | Mode::Fresh => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                context.limits.instances_on(cores)
            }
        };
        Self {
            program,
            context,
            mode,
            shelf: Shelf::new(first, instances.saturating_sub(1)),
            waiting: AtomicUsize::new(0),
            waiting_finishes: AtomicUsize::new(0),
            live: AtomicU32::new(1),
            sweeps: AtomicU32::new(0),
            snapshot,
            replay,
            handed: OnceLock::new(),
        }
    }

    /// How many instances are alive.
    pub fn live(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// How many calls wait for an instance.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) + self.waiting_finishes.load(Ordering::Relaxed)
    }

    /// Takes an instance out: an idle one, or a new one, or the next that comes back. Those that wait
    /// are served in turn.
    ///
    /// # Errors
    /// `E_HOOK_BUSY` if the queue is full, or if it took longer than `limits.queue_wait` or than the
    /// exchange has; `E_EXCHANGE_TIMEOUT` if making a new instance did; whatever that instance's
    /// lifecycle fails with.
    pub async fn lease(&self, phase: Phase, until: Option<Instant>) -> Result<Lease<'_>, Failure> {
        let place = match self.shelf.take() {
            Ok(Place::Idle(instance)) => return Ok(self.leased(Some(instance))),
            Ok(Place::Room) => Place::Room,
            // Rare, and boxed so that the futures of all calls stay small.
            Err(_) => Box::pin(self.queue(phase, until)).await?,
        };
        in_place!(self.fill(place, until))
    }

    /// Gives one instance what the generation before handed out, and from now on each that is made. Those that
    /// were made before, as other hooks may have called this one already, serve no longer.
    ///
    /// # Errors
    /// What its `after-swap` fails with.
    pub async fn hand_over(&self, value: Arc<String>, wait: Duration) -> Result<(), Failure> {
        let mut lease = self.lease_patiently(Phase::AfterSwap, wait).await?;
        let returned = self.replay.give(lease.instance(), &value).await;
        said(&self.context.name, Phase::AfterSwap, returned)?;
        // Nobody else sets it.
        let _ = self.handed.set(value);
        lease.put_back();
        self.freed(&self.shelf.take_such(|instance| !instance.was_given));
        Ok(())
    }

    /// What the generation before handed out, if it did.
    pub fn handed(&self) -> Option<Arc<String>> {
        self.handed.get().cloned()
    }

    /// Takes an instance out that is there, for a call of the server's own; none is made. In mode `single` that is
    /// the one, however long the line is; in the others one that is idle.
    ///
    /// # Errors
    /// `E_HOOK_BUSY` if the one did not come back in that time.
    pub async fn lease_existing(
        &self,
        phase: Phase,
        wait: Duration,
    ) -> Result<Option<Lease<'_>>, Failure> {
        let place = match self.shelf.take() {
            Ok(place) => place,
            Err(NoPlace::Full) if self.mode == Mode::Single => self.in_turn(phase, wait).await?,
            Err(NoPlace::Full) => return Ok(None),
            Err(NoPlace::Closed) => return Err(lowered()),
        };
        // Dropped, it gives the place back.
        let mut lease = self.leased(None);
        match place {
            Place::Idle(instance) => {
                lease.instance = Some(instance);
                Ok(Some(lease))
            }
            Place::Room => Ok(None),
        }
    }

    /// Waits for a place, however long the line is.
    async fn in_turn(&self, phase: Phase, wait: Duration) -> Result<Place<Box<Instance>>, Failure> {
        let mut waiter = self.line_up()?;
        let place = tokio::time::timeout(wait, waiter.place()).await;
        place.map_err(|_| self.busy("became free", phase, wait))?.map_err(|_| lowered())
    }

    fn busy(&self, what: &str, phase: Phase, wait: Duration) -> Failure {
        let text = format!("no instance {what} within {wait:?}");
        Failure::new(Code::HookBusy, text).in_hook(&self.context.name, phase)
    }

    /// Takes an instance out for a call of the server's own, however long the line is.
    ///
    /// # Errors
    /// If none came back in that time; whatever a new instance's lifecycle fails with.
    pub async fn lease_patiently(
        &self,
        phase: Phase,
        wait: Duration,
    ) -> Result<Lease<'_>, Failure> {
        let place = self.in_turn(phase, wait).await?;
        // A snapshot may be on its way.
        let filled = tokio::time::timeout(wait, self.fill(place, None)).await;
        filled.unwrap_or_else(|_| Err(self.busy("could be made", phase, wait)))
    }

    /// Puts an instance to a place.
    async fn fill(
        &self,
        place: Place<Box<Instance>>,
        until: Option<Instant>,
    ) -> Result<Lease<'_>, Failure> {
        // From here on the place is given back, whatever happens.
        let mut lease = self.leased(None);
        let instance = match (place, self.snapshot.made()) {
            (Place::Idle(instance), _) => instance,
            (Place::Room, Some(program)) => {
                let instance = in_place!(Instance::start(program, &self.context, true, until))?;
                self.settle_in(in_place!(self.given(instance, until))?)
            }
            (Place::Room, None) => {
                let made = Box::pin(self.instance_without_snapshot());
                let made = match until {
                    None => made.await?,
                    Some(until) => within(until, made).await?,
                };
                self.settle_in(in_place!(self.given(made, until))?)
            }
        };
        lease.instance = Some(instance);
        Ok(lease)
    }

    /// Gives a new instance what the generation before handed out, if it did.
    async fn given(
        &self,
        mut instance: Box<Instance>,
        until: Option<Instant>,
    ) -> Result<Box<Instance>, Failure> {
        let Some(value) = self.handed.get() else { return Ok(instance) };
        let given = Box::pin(async {
            self.replay.give_again(&mut instance, &self.context, value).await?;
            Ok(instance)
        });
        match until {
            None => given.await,
            Some(until) => within(until, given).await,
        }
    }

    /// Counts a new instance in.
    fn settle_in(&self, mut instance: Box<Instance>) -> Box<Instance> {
        instance.settle_in(self.sweeps.load(Ordering::Relaxed));
        self.live.fetch_add(1, Ordering::Relaxed);
        instance
    }

    fn leased(&self, instance: Option<Box<Instance>>) -> Lease<'_> {
        Lease { pool: self, instance, rescue: None, is_over: false }
    }

    fn line_up(&self) -> Result<Waiter<'_, Box<Instance>>, Failure> {
        self.shelf.line_up(self.sweeps.load(Ordering::Relaxed)).map_err(|_| lowered())
    }

    /// Waits in line for a place.
    async fn queue(
        &self,
        phase: Phase,
        until: Option<Instant>,
    ) -> Result<Place<Box<Instance>>, Failure> {
        let limits = &self.context.limits;
        let busy = |cause: String| {
            let mut failure =
                Failure::new(Code::HookBusy, cause).in_hook(&self.context.name, phase);
            failure.retry_after = Some(limits.queue_wait);
            failure
        };
        let tally = &self.context.tally;
        let place = Waiting::new(match phase {
            Phase::HandleFinish => &self.waiting_finishes,
            _ => &self.waiting,
        });
        if place.ahead >= limits.queue as usize {
            tally.found_queue_full();
            return Err(busy(format!("all instances are busy and {} calls wait", limits.queue)));
        }
        let wait = until.map_or(limits.queue_wait, |until| {
            limits.queue_wait.min(until.saturating_duration_since(Instant::now()))
        });
        let began = Instant::now();
        let mut waiter = self.line_up()?;
        let waited = tokio::time::timeout(wait, waiter.place()).await;
        tally.waited(began.elapsed());
        match waited {
            Ok(place) => place.map_err(|_: NoPlace| lowered()),
            Err(_) => Err(busy(format!("no instance became free within {wait:?}"))),
        }
    }

    /// Makes one more instance where there is no snapshot yet. In mode `fresh` every request needs one,
    /// and waits for a snapshot that is on its way; in mode `pooled` it is time to make one.
    async fn instance_without_snapshot(&self) -> Result<Box<Instance>, Failure> {
        if self.mode == Mode::Fresh {
            let ready = self.snapshot.wait(self.replay.time).await;
            let ready =
                ready.map_err(|failure| failure.in_hook(&self.context.name, Phase::Start))?;
            if let Some(program) = ready {
                return Instance::start(program, &self.context, true, None).await;
            }
        }
        self.snapshot.begin(&self.program, &self.context, &self.replay);
        self.replay.run(&self.program, &self.context).await
    }

    /// Frees instances that nobody has used for a while. Called every [`SWEEP`].
    pub fn sweep(&self) {
        let now = self.sweeps.fetch_add(1, Ordering::Relaxed) + 1;
        if self.mode == Mode::Pooled {
            self.freed(&self.shelf.take_stale(now.saturating_sub(IDLE_SWEEPS)));
        }
    }

    /// Drops all idle instances and lets nobody in any more.
    pub fn close(&self) {
        self.freed(&self.shelf.close());
    }

    fn freed(&self, instances: &[Box<Instance>]) {
        self.live.fetch_sub(u32::try_from(instances.len()).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Lease<'_> {
    /// The instance.
    pub fn instance(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("only `put_back` takes it, and that ends the lease")
    }

    /// Has the exchange left here if the lease is dropped while its instance has it.
    pub fn rescue(&mut self, rescue: Rescue) {
        self.rescue = Some(rescue);
    }

    /// Puts it back, after a call that returned normally. One that has done its share, or has grown,
    /// is freed instead: the next call gets a new one.
    pub fn put_back(mut self) {
        let pool = self.pool;
        let sweep = pool.sweeps.load(Ordering::Relaxed);
        let keep = match pool.mode {
            Mode::Single => true,
            Mode::Fresh => false,
            Mode::Pooled => !self.instance().is_worn(sweep),
        };
        let keep = keep && (self.instance().was_given || pool.handed.get().is_none());
        let Some(instance) = self.instance.take() else { return };
        if keep {
            self.is_over = pool.shelf.give(Place::Idle(instance), sweep);
        }
        if !self.is_over {
            pool.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(mut instance) = self.instance.take() {
            if let (Some(rescue), Some(exchange)) = (&self.rescue, instance.take_back()) {
                rescue.leave(exchange);
            }
            self.pool.live.fetch_sub(1, Ordering::Relaxed);
            if self.pool.mode == Mode::Single {
                self.pool.context.restarted();
            }
        }
        // The instance is gone by now: there is room for the next one.
        self.pool.shelf.give(Place::Room, 0);
    }
}

/// Makes an instance in the time that an exchange has.
async fn within(
    until: Instant,
    made: impl Future<Output = Result<Box<Instance>, Failure>>,
) -> Result<Box<Instance>, Failure> {
    tokio::time::timeout_at(until.into(), made).await.unwrap_or_else(|_| {
        let text = "the exchange reached its limit while an instance was made";
        Err(Failure::new(Code::ExchangeTimeout, text))
    })
}

/// What a call gets that comes too late.
fn lowered() -> Failure {
    Failure::new(Code::Draining, "the hook was lowered")
}

/// A place in the queue; given up when dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, ahead: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
