//! counter_rust: the counter once more in Rust, with the binding of the SDK.
use backstage::{Actor, Config, Ctx, Message, Reader, Result, Status, Writer};

struct Counter {
    total: i64,
}

impl Actor for Counter {
    const NAME: &'static str = "counter_rust";
    const STATE_VERSION: u32 = 1;

    fn create(config: &Config, _: &mut Ctx) -> Result<Self> {
        Ok(Counter { total: config.integer("start", 0)? })
    }

    fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
        if !message.is_mail() {
            return Ok(());
        }
        let step = match message.integer() {
            Some(step) => step,
            None => {
                let body = String::from_utf8_lossy(message.body());
                let shown: String = body.chars().take(64).collect();
                let text =
                    format!("counter_rust adds integers, like 5 or -3; \"{}\" is none", shown);
                ctx.refuse(Status::BAD_ARG, &text);
                return Ok(());
            }
        };
        self.total = match self.total.checked_add(step) {
            Some(sum) => sum,
            None => {
                let text = format!(
                    "the total {} has no room for {}; add something smaller",
                    self.total, step
                );
                ctx.refuse(Status::BAD_ARG, &text);
                return Ok(());
            }
        };
        let text = self.total.to_string();
        if let Err(why) = ctx.retain("", &text) {
            ctx.warn(&format!("the new total was not published: {}", why));
        }
        if message.is_request() {
            // Its requester may have stopped waiting.
            ctx.reply(&text).ok();
        }
        Ok(())
    }

    fn save(&self, out: &mut Writer) -> Result<()> {
        Ok(out.put_i64(self.total)?)
    }

    fn load(&mut self, state: &mut Reader, _version: u32) -> Result<()> {
        self.total = state.get_i64()?;
        Ok(())
    }
}

backstage::plugin!("org.backstage.counter_rust", "1.0.0", Counter);
