//! my_actor: greets whoever asks, and counts them.
use backstage::{Actor, Config, Ctx, Message, Reader, Result, Writer};

struct MyActor {
    greeting: String,
    asked: u64,
}

impl MyActor {
    fn greet(&mut self, who: &str) -> String {
        self.asked += 1;
        format!("{} {}, you are number {}", self.greeting, who, self.asked)
    }
}

impl Actor for MyActor {
    const NAME: &'static str = "my_actor"; // the actor type
    const STATE_VERSION: u32 = 1;

    fn create(config: &Config, _: &mut Ctx) -> Result<Self> {
        Ok(MyActor { greeting: config.string("greeting", "hello")?, asked: 0 })
    }

    fn receive(&mut self, message: &Message, ctx: &mut Ctx) -> Result<()> {
        if message.is_request() {
            let text = self.greet(&String::from_utf8_lossy(message.body()));
            ctx.reply(&text).ok(); // Who has stopped waiting is no trouble of ours.
        }
        Ok(())
    }

    // What survives an upgrade to the next version of this file.
    fn save(&self, out: &mut Writer) -> Result<()> {
        Ok(out.put_u64(self.asked)?)
    }
    fn load(&mut self, state: &mut Reader, _version: u32) -> Result<()> {
        self.asked = state.get_u64()?;
        Ok(())
    }
}

backstage::plugin!("com.example.my_actor", "1.0.0", MyActor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets_and_counts() {
        let mut actor = MyActor { greeting: "good day".into(), asked: 0 };
        assert_eq!(actor.greet("world"), "good day world, you are number 1");
        assert_eq!(actor.greet("moon"), "good day moon, you are number 2");
    }

    #[test]
    fn a_greeting_that_is_no_text_is_named() {
        let error = Config::new(r#"{"greeting": 5}"#).string("greeting", "hello").unwrap_err();
        assert!(error.text().contains("\"greeting\" must be a text"), "{}", error.text());
    }
}
