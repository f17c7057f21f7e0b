//! The Rust binding of the plugin ABI: one file, Rust 2021 from rustc 1.63 on, nothing but std.
//!
//! ```text
//! struct Greeter { greeting: String }
//!
//! impl backstage::Actor for Greeter {
//!     const NAME: &'static str = "greeter"; // the actor type
//!     fn create(config: &Config, _: &mut Ctx) -> Result<Self> {
//!         Ok(Greeter { greeting: config.string("greeting", "hello")? })
//!     }
//!     fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
//!         ctx.reply(&format!("{} {}", self.greeting, message.text()?))?;
//!         Ok(())
//!     }
//! }
//!
//! backstage::plugin!("com.example.greeter", "1.0.0", Greeter);
//! ```
//!
//! Compile this file as the crate `backstage` (crate type rlib) and the plugin as a cdylib with
//! `--extern backstage=...`, or let `backstage_add_plugin(NAME file.rs)` of CMake do both. Never
//! with `-C panic=abort`: it would take the daemon along.
//!
//! A panic in a callback fails that call only, as an `Err` does: the message goes to the dead
//! letters, supervision makes the actor anew. An actor is never used by two threads at once, but
//! moves between them, hence `Send`. The contracts of all verbs are those of `backstage/plugin.h`.
//! Plugins in Rust are not marked as safe to unload: std keeps thread-locals and hooks for ever.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use raw::{host, slice, view};

// --- Outcomes ------------------------------------------------------------------------------------

/// Why the host refused a call. `name()` is the token that logs and the wire show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    pub const FAIL: Status = Status(-1);
    pub const BAD_ARG: Status = Status(-2);
    pub const UNSUPPORTED: Status = Status(-3);
    pub const NO_REQUEST: Status = Status(-4);
    pub const BUSY: Status = Status(-5);
    pub const NO_ACTOR: Status = Status(-16);
    pub const MAILBOX_FULL: Status = Status(-17);
    pub const STOPPING: Status = Status(-18);
    pub const PARKED: Status = Status(-19);
    pub const TIMEOUT: Status = Status(-20);
    pub const ACTOR_FAILED: Status = Status(-21);
    pub const TOO_LARGE: Status = Status(-28);

    pub fn name(self) -> &'static str {
        const OWN: [&str; 5] = ["fail", "bad_arg", "unsupported", "no_request", "busy"];
        #[rustfmt::skip]
        const ENGINE: [&str; 27] = [
            "no_actor", "mailbox_full", "stopping", "parked", "timeout", "actor_failed",
            "name_in_use", "type_mismatch", "no_type", "bad_name", "bad_addr", "reserved_name",
            "too_large", "no_value", "no_sub", "no_timer", "retained_full", "topics_full",
            "subs_full", "timers_full", "requests_full", "actors_full", "activation_limit",
            "slow_consumer", "call_cycle", "no_memory", "threads_full",
        ];
        let at = |first: i32| first.checked_sub(self.0).and_then(|n| usize::try_from(n).ok());
        match self.0 {
            0 => "ok",
            1 => "stop",
            2 => "existing",
            code if code > -16 => at(-1).and_then(|n| OWN.get(n)).unwrap_or(&"unknown"),
            _ => at(-16).and_then(|n| ENGINE.get(n)).unwrap_or(&"unknown"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
impl fmt::Debug for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.name(), self.0)
    }
}

/// Fails the callback that returns it; the text reaches the log and the requester. `?` makes one
/// of a `Status` and of every error of std.
#[derive(Debug)]
pub struct Error {
    status: Status,
    text: String,
}

impl Error {
    pub fn new(text: impl Into<String>) -> Error {
        Error::with(Status::FAIL, text)
    }
    /// A status that is no failure becomes FAIL.
    pub fn with(status: Status, text: impl Into<String>) -> Error {
        let status = if status.0 < 0 { status } else { Status::FAIL };
        Error { status, text: text.into() }
    }
    pub fn status(&self) -> Status {
        self.status
    }
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Error {
        Error::new(error.to_string())
    }
}
impl From<Status> for Error {
    fn from(status: Status) -> Error {
        Error::with(status, format!("a call to the daemon was refused: {}", status))
    }
}

pub type Result<T> = std::result::Result<T, Error>;
/// The outcome of a verb: the host's refusal is the caller's to handle, or to pass on with `?`.
pub type Told<T> = std::result::Result<T, Status>;

fn told(code: raw::bs_status) -> Told<()> {
    if code < 0 {
        return Err(Status(code));
    }
    Ok(())
}

// --- What an actor is ----------------------------------------------------------------------------

/// An actor type: a struct of yours. Dropping it is its end.
pub trait Actor: Sized + Send + 'static {
    /// The actor type's name, as in config.
    const NAME: &'static str;
    /// What `save` writes; 0: this type has no state to keep. Then implement save and load, too.
    const STATE_VERSION: u32 = 0;
    /// The oldest version that `load` reads.
    const STATE_MIN: u32 = Self::STATE_VERSION;

    fn create(config: &Config, ctx: &mut Ctx) -> Result<Self>;
    /// One message, never two at once. Ignore kinds that are of no use.
    fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()>;
    /// Writes all state. `Err` with `Status::BUSY`: not now, ask again.
    fn save(&self, out: &mut Writer) -> Result<()> {
        let _ = out;
        Err(Error::with(Status::UNSUPPORTED, "this type has a STATE_VERSION, but no save"))
    }
    /// Reads what a save of `version` wrote, all of it; self is fresh from `create`.
    fn load(&mut self, state: &mut Reader, version: u32) -> Result<()> {
        let _ = (state, version);
        Err(Error::with(Status::UNSUPPORTED, "this type has a STATE_VERSION, but no load"))
    }
}

/// Names one actor or client. May be stored, compared and used by every actor of the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Address(raw::bs_addr);

impl Address {
    pub fn is_nobody(self) -> bool {
        self == Address::default()
    }
}

/// Names one open request, so that its reply may come in a later turn.
#[derive(Clone, Copy, Debug)]
pub struct Request(raw::bs_request);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Send,
    Publish,
    Request,
    Reply,
    Timer,
    Down,
    Interest,
}

impl Kind {
    fn of(raw: u32) -> Option<Kind> {
        use Kind::*;
        let kinds = [Send, Publish, Request, Reply, Timer, Down, Interest];
        kinds.get((raw as usize).wrapping_sub(1)).copied()
    }
}

/// One message; a view that ends with `receive`.
pub struct Message<'a> {
    raw: &'a raw::bs_msg,
    kind: Kind,
}

impl<'a> Message<'a> {
    pub fn kind(&self) -> Kind {
        self.kind
    }
    pub fn is_request(&self) -> bool {
        self.kind == Kind::Request
    }
    /// From another actor or client, as against reply, timer, down and interest.
    pub fn is_mail(&self) -> bool {
        matches!(self.kind, Kind::Send | Kind::Publish | Kind::Request)
    }
    /// The message type its sender gave; may be empty.
    pub fn message_type(&self) -> &'a str {
        self.word(self.raw.type_)
    }
    pub fn body(&self) -> &'a [u8] {
        unsafe { view(self.raw.body) }
    }
    /// The body as text. `BAD_ARG` when it is no UTF-8.
    pub fn text(&self) -> Result<&'a str> {
        std::str::from_utf8(self.body())
            .map_err(|_| Error::with(Status::BAD_ARG, "the body is no UTF-8 text"))
    }
    /// The body as a decimal integer, if it is exactly that; no sign but `-`.
    pub fn integer(&self) -> Option<i64> {
        let text = self.text().ok()?;
        if text.starts_with('+') {
            return None;
        }
        text.parse().ok()
    }
    /// The body for later, shared when the host can, else copied.
    pub fn keep(&self) -> Told<Payload> {
        if self.raw.buf.is_null() {
            return Payload::new(self.body());
        }
        let host = host();
        unsafe { (host.buf_ref)(host, self.raw.buf) };
        Ok(Payload { buf: self.raw.buf, body: self.raw.body })
    }
    pub fn from(&self) -> Address {
        Address(self.raw.from)
    }
    pub fn from_name(&self) -> &'a str {
        self.word(self.raw.from_name)
    }
    /// Of a request: what `reply_to` needs in a later turn.
    pub fn request(&self) -> Request {
        Request(raw::bs_request { from: self.raw.from, corr: self.raw.corr })
    }
    /// Of a reply: the id that `request` gave. Of a timer: the id that `after` or `every` gave.
    pub fn id(&self) -> u64 {
        self.raw.corr
    }
    /// Of a reply or down: 0, or why not. Of interest: 1 first came, 0 last left.
    pub fn status(&self) -> Status {
        Status(self.raw.status)
    }
    /// Of a publish: "actor/topic". Of interest: as it was subscribed to.
    pub fn address(&self) -> &'a str {
        self.word(self.raw.address)
    }
    /// Of a publish: its number in that address.
    pub fn seq(&self) -> u64 {
        self.raw.seq
    }
    /// Of a publish: the subscription it came by.
    pub fn subscription(&self) -> u64 {
        self.raw.sub
    }

    // Names and types are ASCII by the grammar.
    fn word(&self, slice: raw::bs_slice) -> &'a str {
        std::str::from_utf8(unsafe { view(slice) }).unwrap_or("")
    }
}

/// Bytes of the host that outlive a turn and are shared, never copied, by all they are sent to.
pub struct Payload {
    buf: *mut raw::bs_buf,
    body: raw::bs_slice,
}

// The host counts with atomics and nobody writes to a payload once it is made.
unsafe impl Send for Payload {}
unsafe impl Sync for Payload {}

impl Payload {
    /// A copy of `bytes`. `TOO_LARGE` over the payload limit, and when memory is out.
    pub fn new(bytes: &[u8]) -> Told<Payload> {
        let host = host();
        let mut data = std::ptr::null_mut();
        let buf = unsafe { (host.buf_new)(host, bytes.len(), &mut data) };
        if buf.is_null() {
            return Err(Status::TOO_LARGE);
        }
        if !bytes.is_empty() {
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
        }
        Ok(Payload { buf, body: raw::bs_slice { ptr: data, len: bytes.len() } })
    }
}
impl Deref for Payload {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        unsafe { view(self.body) }
    }
}
impl Clone for Payload {
    fn clone(&self) -> Payload {
        let host = host();
        unsafe { (host.buf_ref)(host, self.buf) };
        Payload { ..*self }
    }
}
impl Drop for Payload {
    fn drop(&mut self) {
        let host = host();
        unsafe { (host.buf_unref)(host, self.buf) };
    }
}

/// What goes out: text, bytes, a payload, or any of them with a message type: `("add", "5")`.
pub struct Content<'a> {
    raw: raw::bs_out,
    life: PhantomData<&'a [u8]>,
}

fn content<'a>(name: &'a str, body: raw::bs_slice, buf: *mut raw::bs_buf) -> Content<'a> {
    Content { raw: raw::bs_out { type_: slice(name.as_bytes()), body, buf }, life: PhantomData }
}
impl<'a> From<&'a str> for Content<'a> {
    fn from(text: &'a str) -> Self {
        content("", slice(text.as_bytes()), std::ptr::null_mut())
    }
}
impl<'a> From<&'a String> for Content<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}
impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        content("", slice(bytes), std::ptr::null_mut())
    }
}
impl<'a> From<&'a Payload> for Content<'a> {
    fn from(payload: &'a Payload) -> Self {
        content("", payload.body, payload.buf)
    }
}
impl<'a> From<&Message<'a>> for Content<'a> {
    /// Type and body as they came; a large body is shared, not copied.
    fn from(message: &Message<'a>) -> Self {
        content(message.message_type(), message.raw.body, message.raw.buf)
    }
}
impl<'a, T: Into<Content<'a>>> From<(&'a str, T)> for Content<'a> {
    fn from((name, body): (&'a str, T)) -> Self {
        let body = body.into().raw;
        content(name, body.body, body.buf)
    }
}

// --- What an actor may do ------------------------------------------------------------------------

/// Whom a message goes to: an address, or a name that is resolved first.
pub trait Target {
    fn address(&self, ctx: &mut Ctx) -> Told<Address>;
}
impl Target for Address {
    fn address(&self, _: &mut Ctx) -> Told<Address> {
        Ok(*self)
    }
}
impl Target for &str {
    fn address(&self, ctx: &mut Ctx) -> Told<Address> {
        ctx.resolve(self)
    }
}

/// What spawn found or made.
#[derive(Clone, Copy, Debug)]
pub struct Spawned {
    pub who: Address,
    pub existed: bool,
}

/// Everything an actor may do in a callback, and only there. No verb blocks.
pub struct Ctx<'a> {
    raw: *mut raw::bs_ctx,
    current: Option<&'a raw::bs_msg>,
}

impl<'a> Ctx<'a> {
    pub fn self_address(&self) -> Address {
        Address(unsafe { (host().self_)(self.raw) })
    }
    /// The own name, `airport:ATL`.
    pub fn name(&self) -> String {
        let name = unsafe { view((host().self_name)(self.raw)) };
        String::from_utf8_lossy(name).into_owned()
    }

    // Mail.

    /// The address of a living actor or client; an activation rule that matches creates it.
    pub fn resolve(&mut self, name: &str) -> Told<Address> {
        let mut found = raw::bs_addr::default();
        let code = unsafe { (host().resolve)(self.raw, slice(name.as_bytes()), &mut found) };
        told(code).map(|_| Address(found))
    }
    /// Ok: it is in the target's mailbox. To a name costs a look-up; keep the address.
    pub fn send<'c>(&mut self, to: impl Target, what: impl Into<Content<'c>>) -> Told<()> {
        let to = to.address(self)?;
        let out = what.into().raw;
        told(unsafe { (host().send)(self.raw, to.0, &out) })
    }
    /// The id under which exactly one message of kind reply will come. Zero: five seconds.
    pub fn request<'c>(
        &mut self,
        to: impl Target,
        what: impl Into<Content<'c>>,
        timeout: Duration,
    ) -> Told<u64> {
        let to = to.address(self)?;
        let limit = u32::try_from(timeout.as_millis()).map_err(|_| Status::BAD_ARG)?;
        let out = what.into().raw;
        let mut id = 0;
        told(unsafe { (host().request)(self.raw, to.0, &out, limit, &mut id) }).map(|_| id)
    }
    /// Replies to the message being handled. `NO_REQUEST` when that is none, or is over.
    pub fn reply<'c>(&mut self, what: impl Into<Content<'c>>) -> Told<()> {
        let request = self.current_request().ok_or(Status::NO_REQUEST)?;
        self.reply_to(request, what)
    }
    /// Replies to a request of an earlier turn.
    pub fn reply_to<'c>(&mut self, to: Request, what: impl Into<Content<'c>>) -> Told<()> {
        let out = what.into().raw;
        told(unsafe { (host().reply)(self.raw, to.0, &out) })
    }
    /// Replies with an error and one sentence that says what to do.
    pub fn reply_error(&mut self, to: Request, why: Status, text: &str) -> Told<()> {
        told(unsafe { (host().reply_error)(self.raw, to.0, why.0, slice(text.as_bytes())) })
    }
    /// Refuses the message being handled without failing: its requester gets the error, and where
    /// nobody waits for a reply the sentence goes to the log.
    pub fn refuse(&mut self, why: Status, text: &str) {
        match self.current_request() {
            // A requester who has left meanwhile is no trouble of this actor's.
            Some(request) => drop(self.reply_error(request, why, text)),
            None => self.warn(&format!("refused a message: {}", text)),
        }
    }
    fn current_request(&self) -> Option<Request> {
        let message = self.current.filter(|m| Kind::of(m.kind) == Some(Kind::Request))?;
        Some(Request(raw::bs_request { from: message.from, corr: message.corr }))
    }

    // Topics. An empty topic is "default".

    /// Ok: it has its number and was offered to every subscriber.
    pub fn publish<'c>(&mut self, topic: &str, what: impl Into<Content<'c>>) -> Told<()> {
        self.publish_with(topic, what.into(), 0)
    }
    /// Publishes and keeps it as the address's last value, for late subscribers and GET.
    pub fn retain<'c>(&mut self, topic: &str, what: impl Into<Content<'c>>) -> Told<()> {
        self.publish_with(topic, what.into(), raw::BS_PUBLISH_RETAIN)
    }
    fn publish_with(&mut self, topic: &str, what: Content, flags: u32) -> Told<()> {
        let topic = slice(topic.as_bytes());
        told(unsafe { (host().publish)(self.raw, topic, &what.raw, flags) })
    }
    /// "actor", "actor/topic" or a pattern; the id shows as `Message::subscription`.
    pub fn subscribe(&mut self, pattern: &str) -> Told<u64> {
        let mut id = 0;
        let code = unsafe { (host().subscribe)(self.raw, slice(pattern.as_bytes()), &mut id) };
        told(code).map(|_| id)
    }
    pub fn unsubscribe(&mut self, subscription: u64) -> Told<()> {
        told(unsafe { (host().unsubscribe)(self.raw, subscription) })
    }
    /// Messages of kind interest when own topics ("board", "md.*", ">") get or lose subscribers.
    pub fn watch_interest(&mut self, topics: &str) -> Told<()> {
        let table = raw::interest().ok_or(Status::UNSUPPORTED)?;
        told(unsafe { (table.watch)(self.raw, slice(topics.as_bytes())) })
    }

    // Life.

    pub fn spawn(&mut self, type_name: &str, name: &str, config: &str) -> Told<Spawned> {
        self.spawn_with(type_name, name, config, 0)
    }
    /// A child lives under this actor and stops before it.
    pub fn spawn_child(&mut self, type_name: &str, name: &str, config: &str) -> Told<Spawned> {
        self.spawn_with(type_name, name, config, raw::BS_SPAWN_CHILD)
    }
    fn spawn_with(&mut self, kind: &str, name: &str, config: &str, flags: u32) -> Told<Spawned> {
        let [kind, name, config] = [kind, name, config].map(|text| slice(text.as_bytes()));
        let mut made = raw::bs_addr::default();
        let code = unsafe { (host().spawn)(self.raw, kind, name, config, flags, &mut made) };
        told(code).map(|_| Spawned { who: Address(made), existed: code == raw::BS_EXISTING })
    }
    /// One message of kind down when that actor ends; a restart is not an end.
    pub fn monitor(&mut self, who: Address) -> Told<()> {
        let table = raw::monitor().ok_or(Status::UNSUPPORTED)?;
        told(unsafe { (table.monitor)(self.raw, who.0) })
    }
    pub fn demonitor(&mut self, who: Address) -> Told<()> {
        let table = raw::monitor().ok_or(Status::UNSUPPORTED)?;
        told(unsafe { (table.demonitor)(self.raw, who.0) })
    }
    /// Ends this actor after the running callback.
    pub fn stop_self(&mut self) -> Told<()> {
        told(unsafe { (host().stop_self)(self.raw) })
    }

    // Timers: a message of kind timer whose `id` is the one given here.

    pub fn after(&mut self, delay: Duration) -> Told<u64> {
        self.set_timer(delay, Duration::ZERO)
    }
    /// First after one period. Under a millisecond: `BAD_ARG`.
    pub fn every(&mut self, period: Duration) -> Told<u64> {
        if period < Duration::from_millis(1) {
            return Err(Status::BAD_ARG);
        }
        self.set_timer(period, period)
    }
    pub fn cancel(&mut self, timer: u64) -> Told<()> {
        let table = raw::timers().ok_or(Status::UNSUPPORTED)?;
        told(unsafe { (table.cancel)(self.raw, timer) })
    }
    fn set_timer(&mut self, delay: Duration, period: Duration) -> Told<u64> {
        let table = raw::timers().ok_or(Status::UNSUPPORTED)?;
        let millis = |time: Duration| u64::try_from(time.as_millis()).map_err(|_| Status::BAD_ARG);
        let mut id = 0;
        let code = unsafe { (table.set)(self.raw, millis(delay)?, millis(period)?, &mut id) };
        told(code).map(|_| id)
    }

    // Log: one line each, attributed to this actor.

    pub fn debug(&self, text: &str) {
        raw::log(1, text)
    }
    pub fn info(&self, text: &str) {
        raw::log(2, text)
    }
    pub fn warn(&self, text: &str) {
        raw::log(3, text)
    }
    pub fn error(&self, text: &str) {
        raw::log(4, text)
    }
}

/// Sends from a thread of the plugin's own; the receiver sees nobody as sender.
pub fn post<'c>(to: Address, what: impl Into<Content<'c>>) -> Told<()> {
    let out = what.into().raw;
    told(unsafe { (host().post)(host(), to.0, &out) })
}

// --- State: little-endian integers, bytes with a 32-bit length before them, as in C++. -----------

/// Where `save` writes to.
pub struct Writer {
    raw: *mut raw::bs_sink,
}

impl Writer {
    pub fn put_i64(&mut self, value: i64) -> Told<()> {
        self.write(&value.to_le_bytes())
    }
    pub fn put_u64(&mut self, value: u64) -> Told<()> {
        self.write(&value.to_le_bytes())
    }
    pub fn put_u32(&mut self, value: u32) -> Told<()> {
        self.write(&value.to_le_bytes())
    }
    pub fn put_bytes(&mut self, bytes: &[u8]) -> Told<()> {
        self.put_u32(u32::try_from(bytes.len()).map_err(|_| Status::TOO_LARGE)?)?;
        self.write(bytes)
    }
    fn write(&mut self, bytes: &[u8]) -> Told<()> {
        told(unsafe { (host().write)(self.raw, slice(bytes)) })
    }
}

/// Reads what a `Writer` wrote: the same kinds, in the same order.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn get_i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }
    pub fn get_u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    pub fn get_u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    pub fn get_bytes(&mut self) -> Result<&'a [u8]> {
        let size = self.get_u32()? as usize;
        self.take(size)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }
    fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        if size > self.rest.len() {
            return Err(Error::new(format!(
                "the saved state ends {} bytes early; was it written by another version of this \
                 type?",
                size - self.rest.len()
            )));
        }
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        Ok(taken)
    }
}

// --- Config --------------------------------------------------------------------------------------

/// The JSON text an actor was given. `text` is for any JSON library; the getters read single keys
/// of a flat object, know no escapes in texts and no fractions, and never guess.
pub struct Config<'a> {
    text: &'a str,
}

impl<'a> Config<'a> {
    pub fn new(text: &'a str) -> Config<'a> {
        Config { text }
    }
    /// Empty when none was given.
    pub fn text(&self) -> &'a str {
        self.text
    }

    // Each: the fallback when there is no such key; BAD_ARG, with a text that names the key, when
    // its value is of another kind or the config is no JSON object.

    pub fn integer(&self, key: &str, fallback: i64) -> Result<i64> {
        self.value(key, "an integer", Ok(fallback), |text| {
            if text.starts_with('+') { None } else { text.parse().ok() }
        })
    }
    pub fn boolean(&self, key: &str, fallback: bool) -> Result<bool> {
        self.value(key, "true or false", Ok(fallback), |text| text.parse().ok())
    }
    pub fn string(&self, key: &str, fallback: &str) -> Result<String> {
        self.value(key, "a text without escapes", Ok(fallback.to_owned()), |text| {
            let inner = text.strip_prefix('"')?.strip_suffix('"')?;
            if inner.contains('\\') { None } else { Some(inner.to_owned()) }
        })
    }

    fn value<T>(
        &self,
        key: &str,
        wanted: &str,
        fallback: Result<T>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let found = match self.find(key)? {
            Some(found) => found,
            None => return fallback,
        };
        let shown: String = found.chars().take(64).collect();
        read(found).ok_or_else(|| {
            Error::with(
                Status::BAD_ARG,
                format!("config key \"{}\" must be {}, not {}", key, wanted, shown),
            )
        })
    }
    fn find(&self, key: &str) -> Result<Option<&'a str>> {
        let mut at = Scanner { rest: self.text.trim_start() };
        if at.rest.is_empty() {
            return Ok(None);
        }
        if !at.next_is('{') {
            return broken("it does not begin with {");
        }
        let mut found = None;
        while !at.next_is('}') {
            let name = at.quoted()?;
            if !at.next_is(':') {
                return broken("expected : after a key");
            }
            let value = at.value()?;
            if found.is_none() && &name[1..name.len() - 1] == key {
                found = Some(value);
            }
            if !at.next_is(',') && !at.rest.trim_start().starts_with('}') {
                return broken("expected , or } after a value");
            }
        }
        if !at.rest.trim_start().is_empty() {
            return broken("there is more behind its }");
        }
        Ok(found)
    }
}

fn broken<T>(what: &str) -> Result<T> {
    Err(Error::with(Status::BAD_ARG, format!("config is not a JSON object: {}", what)))
}

/// One pass over a config's text; every function leaves `rest` behind what it took.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn next_is(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
    fn take(&mut self, size: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        taken
    }
    /// A text with its quotes.
    fn quoted(&mut self) -> Result<&'a str> {
        self.rest = self.rest.trim_start();
        if !self.rest.starts_with('"') {
            return broken("expected a key in quotes");
        }
        let mut escaped = false;
        for (at, byte) in self.rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return Ok(self.take(at + 1)),
                _ => {}
            }
        }
        broken("a quote is not closed")
    }
    /// Any value, nested ones whole.
    fn value(&mut self) -> Result<&'a str> {
        self.rest = self.rest.trim_start();
        match self.rest.bytes().next() {
            Some(b'"') => self.quoted(),
            Some(b'{') | Some(b'[') => self.nested(),
            _ => match self.rest.find(|c| ",}] \t\r\n".contains(c)) {
                None | Some(0) => broken("expected a value"),
                Some(end) => Ok(self.take(end)),
            },
        }
    }
    fn nested(&mut self) -> Result<&'a str> {
        let whole = self.rest;
        let mut depth = 0;
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.chars().next() {
                None => return broken("a bracket is not closed"),
                Some('"') => {
                    self.quoted()?;
                    continue;
                }
                Some(at) => {
                    depth += i64::from(at == '{' || at == '[') - i64::from(at == '}' || at == ']');
                    self.take(at.len_utf8());
                }
            }
            if depth == 0 {
                return Ok(&whole[..whole.len() - self.rest.len()]);
            }
        }
    }
}

// --- The C ABI behind it. For plugin! only. ------------------------------------------------------

/// Once per plugin: id (reverse DNS), version, the actor types.
#[macro_export]
macro_rules! plugin {
    ($id:literal, $version:literal, $($actor:ty),+ $(,)?) => {
        const _: () = {
            use $crate::{glue, raw, Actor};

            const NAMES: &[&str] = &[$(<$actor as Actor>::NAME),+];
            const LENGTH: usize = glue::note_length($id, $version, NAMES);
            #[used]
            #[link_section = ".note.backstage"]
            static NOTE: raw::Note<LENGTH> = glue::note($id, $version, NAMES);

            static TYPES: [&raw::bs_actor_type; NAMES.len()] = [$({
                static NAME: [u8; <$actor as Actor>::NAME.len() + 1] =
                    glue::with_nul(<$actor as Actor>::NAME);
                static TYPE: raw::bs_actor_type = glue::actor_type::<$actor>(&NAME);
                &TYPE
            }),+];
            static PLUGIN: raw::bs_plugin = glue::plugin(
                concat!($id, "\0"), concat!($version, "\0"), &TYPES);

            /// The one exported symbol.
            #[no_mangle]
            pub unsafe extern "C" fn backstage_plugin_v1(
                api: *const raw::bs_api,
            ) -> *const raw::bs_plugin {
                glue::enter(api, &PLUGIN)
            }
        };
    };
}

#[doc(hidden)]
pub mod glue {
    use super::raw::*;
    use super::*;

    const TAIL: &str = "sdk=backstage-rust/1.0\0lang=rust\0";

    pub const fn note_length(id: &str, version: &str, names: &[&str]) -> usize {
        let mut length = "id=\0version=\0types=\0".len() + id.len() + version.len() + TAIL.len();
        let mut i = 0;
        while i < names.len() {
            length += names[i].len() + (i > 0) as usize;
            i += 1;
        }
        length
    }

    const fn put<const N: usize>(into: ([u8; N], usize), text: &str) -> ([u8; N], usize) {
        let (mut bytes, start) = into;
        let mut i = 0;
        while i < text.len() {
            bytes[start + i] = text.as_bytes()[i];
            i += 1;
        }
        (bytes, start + i)
    }

    pub const fn note<const N: usize>(id: &str, version: &str, names: &[&str]) -> Note<N> {
        let mut text = put(([0; N], 0), "id=");
        text = put(put(text, id), "\0version=");
        text = put(put(text, version), "\0types=");
        let mut i = 0;
        while i < names.len() {
            text = put(put(text, if i > 0 { ";" } else { "" }), names[i]);
            i += 1;
        }
        text = put(put(text, "\0"), TAIL);
        Note {
            namesz: 10,
            descsz: 16 + N as u32,
            type_: 1,
            name: *b"backstage\0\0\0",
            note_version: 1,
            abi_major: BS_ABI_MAJOR,
            abi_minor_required: 0,
            flags: 0,
            reserved: 0,
            text: text.0,
        }
    }

    pub const fn with_nul<const N: usize>(text: &str) -> [u8; N] {
        put(([0; N], 0), text).0
    }

    pub const fn actor_type<A: Actor>(name: &'static [u8]) -> bs_actor_type {
        let keeps = A::STATE_VERSION > 0;
        bs_actor_type {
            struct_size: std::mem::size_of::<bs_actor_type>() as u32,
            flags: 0,
            name: name.as_ptr().cast(),
            state_version: A::STATE_VERSION,
            state_min: A::STATE_MIN,
            create: create::<A>,
            receive: receive::<A>,
            destroy: destroy::<A>,
            save: if keeps { Some(save::<A>) } else { None },
            load: if keeps { Some(load::<A>) } else { None },
        }
    }

    pub const fn plugin(
        id: &'static str,
        version: &'static str,
        types: &'static [&'static bs_actor_type],
    ) -> bs_plugin {
        bs_plugin {
            struct_size: std::mem::size_of::<bs_plugin>() as u32,
            abi_major: BS_ABI_MAJOR,
            abi_minor: 0,
            flags: 0,
            type_count: types.len() as u32,
            id: id.as_ptr().cast(),
            version: version.as_ptr().cast(),
            types: types.as_ptr().cast(),
            init: None,
            quiesce: None,
            fini: None,
            extension: None,
        }
    }

    /// # Safety
    /// `api` is what the daemon gave to the entry.
    pub unsafe fn enter(api: *const bs_api, plugin: &'static bs_plugin) -> *const bs_plugin {
        let known = std::mem::size_of::<bs_api>();
        raw::set_host(api);
        if (*api).abi_major != BS_ABI_MAJOR || ((*api).struct_size as usize) < known {
            let text = "built for plugin ABI 1.0, which this daemon does not offer";
            fail(&Error::with(Status::UNSUPPORTED, text));
            return std::ptr::null();
        }
        raw::find_extensions(&*api);
        // std would write to stderr; the log says which plugin and actor it was.
        std::panic::set_hook(Box::new(|panic| raw::log(4, &panic.to_string())));
        plugin
    }

    fn fail(error: &Error) -> bs_status {
        unsafe { (host().set_error)(host(), error.status().0, slice(error.text().as_bytes())) };
        error.status().0
    }

    fn words(panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("panicked: {}", text.unwrap_or_else(|| "with a value that is no text".into()))
    }

    /// Frees what a panic carried. Its destructor may panic, too: that one's is left alone.
    fn discard(panic: Box<dyn Any + Send>) {
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
    }

    /// Runs one callback; what it returns or panics with becomes a status and a text.
    fn guard(call: impl FnOnce() -> Result<()>) -> bs_status {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(())) => BS_OK,
            Ok(Err(error)) => fail(&error),
            Err(panic) => {
                let code = fail(&Error::new(words(&*panic)));
                discard(panic);
                code
            }
        }
    }

    fn make<A: Actor>(ctx: &mut Ctx, config: bs_slice) -> Result<A> {
        let text = std::str::from_utf8(unsafe { view(config) })
            .map_err(|_| Error::with(Status::BAD_ARG, "the config is no UTF-8 text"))?;
        A::create(&Config::new(text), ctx)
    }

    fn give<A: Actor>(actor: A, to: *mut *mut c_void) {
        unsafe { *to = Box::into_raw(Box::new(actor)).cast() };
    }

    unsafe extern "C" fn create<A: Actor>(
        ctx: *mut bs_ctx,
        config: bs_slice,
        to: *mut *mut c_void,
    ) -> bs_status {
        guard(|| {
            give(make::<A>(&mut Ctx { raw: ctx, current: None }, config)?, to);
            Ok(())
        })
    }

    unsafe extern "C" fn receive<A: Actor>(
        actor: *mut c_void,
        ctx: *mut bs_ctx,
        message: *const bs_msg,
    ) -> bs_status {
        // The ABI asks to ignore kinds that are newer than this file.
        let kind = match Kind::of((*message).kind) {
            Some(kind) => kind,
            None => return BS_OK,
        };
        guard(|| {
            let raw = &*message;
            let mut ctx = Ctx { raw: ctx, current: Some(raw) };
            (*actor.cast::<A>()).receive(&Message { raw, kind }, &mut ctx)
        })
    }

    unsafe extern "C" fn destroy<A: Actor>(actor: *mut c_void, _: *mut bs_ctx, _: i32) {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(actor.cast::<A>()))));
        if let Err(panic) = dropped {
            discard(panic);
        }
    }

    unsafe extern "C" fn save<A: Actor>(actor: *mut c_void, sink: *mut bs_sink) -> bs_status {
        guard(|| (*actor.cast::<A>()).save(&mut Writer { raw: sink }))
    }

    unsafe extern "C" fn load<A: Actor>(
        ctx: *mut bs_ctx,
        config: bs_slice,
        version: u32,
        state: bs_slice,
        to: *mut *mut c_void,
    ) -> bs_status {
        guard(|| {
            let mut made = make::<A>(&mut Ctx { raw: ctx, current: None }, config)?;
            let mut reader = Reader { rest: view(state) };
            made.load(&mut reader, version)?;
            if !reader.rest.is_empty() {
                return Err(Error::new("the saved state has bytes that load did not read"));
            }
            give(made, to);
            Ok(())
        })
    }
}

/// backstage/plugin.h, field by field.
#[allow(non_camel_case_types)]
#[doc(hidden)]
pub mod raw {
    use std::os::raw::c_char;
    pub use std::os::raw::c_void;
    use std::sync::atomic::{AtomicPtr, Ordering};

    pub type bs_status = i32;
    pub const BS_OK: bs_status = 0;
    pub const BS_EXISTING: bs_status = 2;
    pub const BS_ABI_MAJOR: u16 = 1;
    pub const BS_PUBLISH_RETAIN: u32 = 1;
    pub const BS_SPAWN_CHILD: u32 = 1;

    pub enum bs_ctx {}
    pub enum bs_buf {}
    pub enum bs_sink {}

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct bs_slice {
        pub ptr: *const c_void,
        pub len: usize,
    }
    #[repr(C)]
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct bs_addr {
        pub w: [u64; 2],
    }
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct bs_request {
        pub from: bs_addr,
        pub corr: u64,
    }
    #[repr(C)]
    pub struct bs_out {
        pub type_: bs_slice,
        pub body: bs_slice,
        pub buf: *mut bs_buf,
    }
    #[repr(C)]
    pub struct bs_msg {
        pub struct_size: u32,
        pub kind: u32,
        pub flags: u32,
        pub status: bs_status,
        pub from: bs_addr,
        pub from_name: bs_slice,
        pub corr: u64,
        pub type_: bs_slice,
        pub body: bs_slice,
        pub buf: *mut bs_buf,
        pub address: bs_slice,
        pub seq: u64,
        pub sub: u64,
    }

    type Api = *const bs_api;
    type Ctx = *mut bs_ctx;
    type Out = *const bs_out;

    #[repr(C)]
    pub struct bs_api {
        pub struct_size: u32,
        pub abi_major: u16,
        pub abi_minor: u16,
        pub impl_: *mut c_void,
        pub host_version: *const c_char,
        pub extension: unsafe extern "C" fn(Api, *const c_char) -> *const c_void,
        pub log: unsafe extern "C" fn(Api, i32, bs_slice),
        pub set_error: unsafe extern "C" fn(Api, bs_status, bs_slice),
        pub buf_new: unsafe extern "C" fn(Api, usize, *mut *mut c_void) -> *mut bs_buf,
        pub buf_ref: unsafe extern "C" fn(Api, *mut bs_buf),
        pub buf_unref: unsafe extern "C" fn(Api, *mut bs_buf),
        pub post: unsafe extern "C" fn(Api, bs_addr, Out) -> bs_status,
        pub self_: unsafe extern "C" fn(Ctx) -> bs_addr,
        pub self_name: unsafe extern "C" fn(Ctx) -> bs_slice,
        pub resolve: unsafe extern "C" fn(Ctx, bs_slice, *mut bs_addr) -> bs_status,
        pub send: unsafe extern "C" fn(Ctx, bs_addr, Out) -> bs_status,
        pub publish: unsafe extern "C" fn(Ctx, bs_slice, Out, u32) -> bs_status,
        pub subscribe: unsafe extern "C" fn(Ctx, bs_slice, *mut u64) -> bs_status,
        pub unsubscribe: unsafe extern "C" fn(Ctx, u64) -> bs_status,
        pub request: unsafe extern "C" fn(Ctx, bs_addr, Out, u32, *mut u64) -> bs_status,
        pub reply: unsafe extern "C" fn(Ctx, bs_request, Out) -> bs_status,
        pub reply_error: unsafe extern "C" fn(Ctx, bs_request, bs_status, bs_slice) -> bs_status,
        pub spawn: unsafe extern "C" fn(
            Ctx,
            bs_slice,
            bs_slice,
            bs_slice,
            u32,
            *mut bs_addr,
        ) -> bs_status,
        pub stop_self: unsafe extern "C" fn(Ctx) -> bs_status,
        pub write: unsafe extern "C" fn(*mut bs_sink, bs_slice) -> bs_status,
    }
    #[repr(C)]
    pub struct bs_timers {
        pub set: unsafe extern "C" fn(Ctx, u64, u64, *mut u64) -> bs_status,
        pub cancel: unsafe extern "C" fn(Ctx, u64) -> bs_status,
    }
    #[repr(C)]
    pub struct bs_monitor {
        pub monitor: unsafe extern "C" fn(Ctx, bs_addr) -> bs_status,
        pub demonitor: unsafe extern "C" fn(Ctx, bs_addr) -> bs_status,
    }
    #[repr(C)]
    pub struct bs_interest {
        pub watch: unsafe extern "C" fn(Ctx, bs_slice) -> bs_status,
    }

    #[repr(C)]
    pub struct bs_actor_type {
        pub struct_size: u32,
        pub flags: u32,
        pub name: *const c_char,
        pub state_version: u32,
        pub state_min: u32,
        pub create: unsafe extern "C" fn(Ctx, bs_slice, *mut *mut c_void) -> bs_status,
        pub receive: unsafe extern "C" fn(*mut c_void, Ctx, *const bs_msg) -> bs_status,
        pub destroy: unsafe extern "C" fn(*mut c_void, Ctx, i32),
        pub save: Option<unsafe extern "C" fn(*mut c_void, *mut bs_sink) -> bs_status>,
        pub load: Option<
            unsafe extern "C" fn(Ctx, bs_slice, u32, bs_slice, *mut *mut c_void) -> bs_status,
        >,
    }
    #[repr(C)]
    pub struct bs_plugin {
        pub struct_size: u32,
        pub abi_major: u16,
        pub abi_minor: u16,
        pub flags: u32,
        pub type_count: u32,
        pub id: *const c_char,
        pub version: *const c_char,
        pub types: *const *const bs_actor_type,
        pub init: Option<unsafe extern "C" fn(bs_slice) -> bs_status>,
        pub quiesce: Option<unsafe extern "C" fn(u32) -> bs_status>,
        pub fini: Option<unsafe extern "C" fn()>,
        pub extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
    }
    // They point at statics only.
    unsafe impl Sync for bs_actor_type {}
    unsafe impl Sync for bs_plugin {}

    /// The ELF note with its texts.
    #[repr(C, align(4))]
    pub struct Note<const N: usize> {
        pub namesz: u32,
        pub descsz: u32,
        pub type_: u32,
        pub name: [u8; 12],
        pub note_version: u32,
        pub abi_major: u16,
        pub abi_minor_required: u16,
        pub flags: u32,
        pub reserved: u32,
        pub text: [u8; N],
    }

    // Set once by the entry, on the loader thread, before any actor exists.
    static HOST: AtomicPtr<bs_api> = AtomicPtr::new(std::ptr::null_mut());
    static TIMERS: AtomicPtr<bs_timers> = AtomicPtr::new(std::ptr::null_mut());
    static MONITOR: AtomicPtr<bs_monitor> = AtomicPtr::new(std::ptr::null_mut());
    static INTEREST: AtomicPtr<bs_interest> = AtomicPtr::new(std::ptr::null_mut());

    pub fn set_host(api: *const bs_api) {
        HOST.store(api as *mut bs_api, Ordering::Release);
    }
    /// # Safety
    /// `api` is the table that the daemon gave.
    pub unsafe fn find_extensions(api: &bs_api) {
        let find = |id: &[u8]| (api.extension)(api, id.as_ptr().cast()) as *mut c_void;
        TIMERS.store(find(b"backstage.timers/1\0").cast(), Ordering::Release);
        MONITOR.store(find(b"backstage.monitor/1\0").cast(), Ordering::Release);
        INTEREST.store(find(b"backstage.interest/1\0").cast(), Ordering::Release);
    }
    /// The host's table. A plugin's code runs after its entry only; in a test of the plugin's own
    /// there is no host, and verbs panic.
    pub fn host() -> &'static bs_api {
        let host = unsafe { HOST.load(Ordering::Acquire).as_ref() };
        host.expect("there is no daemon here: backstage verbs work in a loaded plugin only")
    }
    pub fn timers() -> Option<&'static bs_timers> {
        unsafe { TIMERS.load(Ordering::Acquire).as_ref() }
    }
    pub fn monitor() -> Option<&'static bs_monitor> {
        unsafe { MONITOR.load(Ordering::Acquire).as_ref() }
    }
    pub fn interest() -> Option<&'static bs_interest> {
        unsafe { INTEREST.load(Ordering::Acquire).as_ref() }
    }
    pub fn log(level: i32, text: &str) {
        unsafe { (host().log)(host(), level, slice(text.as_bytes())) }
    }

    pub fn slice(bytes: &[u8]) -> bs_slice {
        bs_slice { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }
    /// # Safety
    /// `slice` is valid for 'a.
    pub unsafe fn view<'a>(slice: bs_slice) -> &'a [u8] {
        if slice.len == 0 {
            return &[];
        }
        std::slice::from_raw_parts(slice.ptr.cast(), slice.len)
    }
}
