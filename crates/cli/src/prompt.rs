//! `run` without `--json`: a prompt for a person.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use phone::{
    Door, Phone,
    contract::{Command, Device, Devices, Line, Ok as Done, Role},
};

use crate::{
    input::{Input, Said},
    run,
    tell::{self, Teller},
    words::{self, Asked, Show, Wish},
};

/// How many calls of the past are shown at once.
const ROWS: u32 = 20;

/// Talks until the input ends, somebody quits, or the process is asked to end.
pub(crate) async fn talk(phone: &Phone, mut input: Input) -> ExitCode {
    let (door, mut listener) = phone.attach();
    let mut teller = Teller::default();
    let mut screen = Screen { prompts: io::stdin().is_terminal() && io::stdout().is_terminal() };
    screen.say(&[format!("Bellbird {}. Type help to see what can be done, quit to end.", env!("CARGO_PKG_VERSION"))]);
    loop {
        tokio::select! {
            line = listener.next() => match line {
                Some(Line::State(state)) => screen.say(&teller.changes(state)),
                Some(Line::Notice(notice)) => screen.say(&tell::notice(&notice).into_iter().collect::<Vec<_>>()),
                Some(_) => {}
                None => break,
            },
            said = input.next() => match said {
                Some(Said::Line(line)) => match words::read(&line) {
                    Ok(Wish::Quit) => break,
                    Ok(wish) => screen.say(&answer(&door, &teller, wish).await),
                    Err(why) => screen.say(&[why]),
                },
                Some(Said::Unreadable(why)) => screen.say(&[why.to_owned()]),
                None => break,
            },
            () = run::interrupted() => break,
        }
    }
    run::leave(phone).await;
    while let Some(line) = listener.next().await {
        if let Line::State(state) = line {
            screen.say(&teller.changes(state));
        }
    }
    ExitCode::SUCCESS
}

/// Does what is wished and says what there is to say at once; what comes of it is said when the state says it.
async fn answer(door: &Door, teller: &Teller, wish: Wish) -> Vec<String> {
    let Some(state) = teller.last() else { return vec!["The phone is not ready yet.".to_owned()] };
    match wish {
        Wish::Phone(Asked(command)) => send(door, command).await.map_or_else(|why| why, |_| Vec::new()),
        Wish::Device(role, asked) => match device(&state.devices, role, &asked) {
            Some(device) => match send(door, Command::SetDevice { role, device }).await {
                Ok(_) => vec![format!("{asked} it is.")],
                Err(why) => why,
            },
            None => vec![format!("There is no device {asked:?}. Type devices to see them.")],
        },
        Wish::History(filter) => match send(door, Command::History { before: None, limit: Some(ROWS), filter }).await {
            Ok(done) => tell::history(&done.rows.unwrap_or_default()),
            Err(why) => why,
        },
        Wish::Show(Show::Accounts) => tell::accounts(state),
        Wish::Show(Show::Calls) => tell::calls(state),
        Wish::Show(Show::Devices) => tell::devices(&state.devices),
        Wish::Show(Show::Help) => words::help().lines().map(str::to_owned).collect(),
        Wish::Quit | Wish::Nothing => Vec::new(),
    }
}

async fn send(door: &Door, command: Command) -> Result<Done, Vec<String>> {
    door.send(command).await.map_err(|error| vec![tell::sentence(&error)])
}

/// The id of the device that is meant.
fn device(devices: &Devices, role: Role, asked: &str) -> Option<String> {
    let all = if role == Role::Mic { &devices.microphones } else { &devices.speakers };
    let is = |device: &&Device| device.id == asked || device.name.eq_ignore_ascii_case(asked);
    match asked {
        "default" => Some(asked.to_owned()),
        _ => all.iter().find(is).map(|device| device.id.clone()),
    }
}

/// Where lines are said; the prompt stands below them when a person sits there.
struct Screen {
    prompts: bool,
}

impl Screen {
    fn say(&mut self, lines: &[String]) {
        // Whoever does not read any more has closed the terminal, and the end of input follows.
        let mut output = io::stdout().lock();
        let _ = self.write(&mut output, lines);
    }

    fn write(&self, output: &mut impl Write, lines: &[String]) -> io::Result<()> {
        if self.prompts && !lines.is_empty() {
            write!(output, "\r")?;
        }
        for line in lines {
            // What others say of themselves is in it: no control character may reach the terminal.
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            writeln!(output, "{line}")?;
        }
        if self.prompts {
            write!(output, "> ")?;
        }
        output.flush()
    }
}
