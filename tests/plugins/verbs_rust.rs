//! verbs_rust: does what the type of a message says, to test every verb of the Rust binding.
use backstage::raw;
use backstage::*;
use std::mem::size_of;
use std::time::Duration;

struct Verbs {
    kept: Option<Payload>,
    asker: Option<Request>,
    fails_save: String,
    panics_in_drop: bool,
}

fn check(config: &Config) -> Result<()> {
    match config.string("create", "")?.as_str() {
        "panic" => panic!("at its creation"),
        "error" => Err(Error::with(Status::PARKED, "not today")),
        "io" => Err("x".parse::<i32>().unwrap_err().into()),
        "success" => Err(Error::with(Status(0), "not a success")),
        _ => Ok(()),
    }
}

impl Verbs {
    fn fail(&self, how: &str, message: &Message) -> Result<()> {
        match how {
            "panic" => panic!("a text"),
            "panic_string" => panic!("{} {}", "a", "String"),
            "panic_value" => std::panic::panic_any(42),
            "panic_index" => {
                let nothing: Vec<u8> = Vec::new();
                let _none = nothing[message.body().len()];
                Ok(())
            }
            "error" => Err(Error::with(Status::BUSY, "in words")),
            _ => Err(Status::NO_ACTOR.into()),
        }
    }

    fn mail(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
        let text = message.text().unwrap_or("no text");
        match message.message_type() {
            "send" => ctx.send("friend", ("note", "hi"))?,
            "send_nobody" => ctx.send(Address::default(), "hi")?,
            "forward" => ctx.send("friend", message)?,
            "post" => post(ctx.resolve("friend")?, &b"posted"[..])?,
            "request" => drop(ctx.request("friend", "well?", Duration::from_millis(250))?),
            "request_long" => drop(ctx.request("friend", "", Duration::from_secs(1 << 33))?),
            "reply" => ctx.reply(("answer", text))?,
            "refuse" => ctx.refuse(Status::BAD_ARG, "not like that"),
            "later" => self.asker = Some(message.request()),
            "now" => ctx.reply_to(self.asker.take().ok_or(Status::NO_REQUEST)?, "at last")?,
            "publish" => ctx.publish("board", text)?,
            "retain" => ctx.retain("", text)?,
            "subscribe" => {
                let id = ctx.subscribe("feed/md.*")?;
                ctx.unsubscribe(id)?;
            }
            "watch" => ctx.watch_interest(">")?,
            "spawn" => {
                let made = ctx.spawn_child("echo", "child", "{}")?;
                let again = ctx.spawn("echo", "child", "")?;
                ctx.info(&format!("{} {}", made.existed, again.existed));
                ctx.monitor(made.who)?;
                ctx.demonitor(made.who)?;
            }
            "timers" => {
                let once = ctx.after(Duration::from_millis(5))?;
                ctx.every(Duration::from_millis(7))?;
                ctx.cancel(once)?;
            }
            "timer_short" => drop(ctx.every(Duration::from_micros(1))?),
            "stop" => ctx.stop_self()?,
            "keep" => self.kept = Some(message.keep()?.clone()),
            "kept" => ctx.reply(self.kept.as_ref().ok_or(Status::NO_REQUEST)?)?,
            "copy" => ctx.reply(&Payload::new(message.body())?)?,
            "copy_large" => drop(Payload::new(&vec![0; 1 << 21])?),
            "who" => {
                let name = ctx.name();
                let own = !ctx.self_address().is_nobody();
                ctx.reply(&format!("{} {} from {}", name, own, message.from_name()))?
            }
            "fail_save" => self.fails_save = text.to_owned(),
            "drop_panic" => self.panics_in_drop = true,
            "layout" => ctx.reply(&layout())?,
            "status" => {
                let names = (-48..4).rev().map(|code| Status(code).name());
                ctx.reply(&names.collect::<Vec<_>>().join(" "))?
            }
            how => self.fail(how, message)?,
        }
        Ok(())
    }
}

fn layout() -> String {
    let sizes = [
        size_of::<raw::bs_slice>(),
        size_of::<raw::bs_addr>(),
        size_of::<raw::bs_request>(),
        size_of::<raw::bs_out>(),
        size_of::<raw::bs_timers>(),
        size_of::<raw::bs_monitor>(),
        size_of::<raw::bs_interest>(),
        size_of::<raw::bs_msg>(),
        size_of::<raw::bs_api>(),
        size_of::<raw::bs_actor_type>(),
        size_of::<raw::bs_plugin>(),
    ];
    sizes.map(|size| size.to_string()).join(" ")
}

impl Actor for Verbs {
    const NAME: &'static str = "verbs_rust";
    const STATE_VERSION: u32 = 3;
    const STATE_MIN: u32 = 2;

    fn create(config: &Config, _: &mut Ctx) -> Result<Self> {
        check(config)?;
        let fails_save = config.string("fails_save", "")?;
        config.boolean("loud", false)?;
        Ok(Verbs { kept: None, asker: None, fails_save, panics_in_drop: false })
    }
    fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
        if message.is_mail() {
            return self.mail(message, ctx);
        }
        let [id, seq, sub] = [message.id(), message.seq(), message.subscription()];
        let (kind, address) = (message.kind(), message.address());
        ctx.info(&format!("{:?} {} {} {} {:?} {}", kind, id, seq, sub, message.status(), address));
        Ok(())
    }
    fn save(&self, out: &mut Writer) -> Result<()> {
        match self.fails_save.as_str() {
            "busy" => Err(Status::BUSY.into()),
            "panic" => panic!("in save"),
            text => Ok(out.put_bytes(text.as_bytes())?),
        }
    }
    fn load(&mut self, state: &mut Reader, version: u32) -> Result<()> {
        if version == 2 {
            panic!("in load");
        }
        self.fails_save = String::from_utf8(state.get_bytes()?.to_vec())?;
        Ok(())
    }
}

impl Drop for Verbs {
    fn drop(&mut self) {
        if self.panics_in_drop {
            panic!("in drop");
        }
    }
}

/// A second type, without state, as its neighbour in the note.
struct Plain;

impl Actor for Plain {
    const NAME: &'static str = "plain_rust";
    fn create(_: &Config, _: &mut Ctx) -> Result<Self> {
        Ok(Plain)
    }
    fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
        Ok(ctx.reply(&format!("{:?}", message.integer()))?)
    }
}

backstage::plugin!("org.backstage.verbs_rust", "0.9.1", Verbs, Plain);
