//! The terminal: taken over, drawn on, listened to, and given back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::draw::{Palette, draw};
use super::plain::nobody_looks;
use super::sampler::Taken;
use super::view::View;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::logging::Screen;

/// How long to wait for a key before looking for samples and signals.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Draws until a key or a signal says that it's enough. The terminal is as before then, after a panic,
/// too.
pub(super) fn run(
    view: &mut View,
    samples: &Receiver<Taken>,
    stopping: &AtomicBool,
) -> Result<(), Failure> {
    let palette = Palette::of_environment();
    let _screen = Screen::begin();
    let mut terminal = ratatui::try_init().map_err(|error| {
        // It may have gone half way.
        let _ = ratatui::try_restore();
        failed(&error)
    })?;
    let watched = watch(&mut terminal, view, samples, stopping, palette);
    let restored = ratatui::try_restore().map_err(|error| failed(&error));
    watched.and(restored)
}

fn watch(
    terminal: &mut DefaultTerminal,
    view: &mut View,
    samples: &Receiver<Taken>,
    stopping: &AtomicBool,
    palette: Palette,
) -> Result<(), Failure> {
    loop {
        terminal.draw(|frame| draw(frame, view, palette)).map_err(|error| failed(&error))?;
        loop {
            if stopping.load(Ordering::SeqCst) {
                return Ok(());
            }
            match heard().map_err(|error| failed(&error))? {
                Heard::Enough => return Ok(()),
                Heard::Resized => break,
                Heard::Nothing => {}
            }
            match samples.try_recv() {
                Ok(taken) => {
                    view.take(taken);
                    break;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(nobody_looks()),
            }
        }
    }
}

enum Heard {
    Enough,
    Resized,
    Nothing,
}

fn heard() -> io::Result<Heard> {
    if !event::poll(CHECK_INTERVAL)? {
        return Ok(Heard::Nothing);
    }
    Ok(match event::read()? {
        Event::Key(key) if is_enough(key) => Heard::Enough,
        Event::Resize(_, _) => Heard::Resized,
        _ => Heard::Nothing,
    })
}

/// While the terminal is taken over, Ctrl-C is a key like any other.
fn is_enough(key: KeyEvent) -> bool {
    if key.kind == KeyEventKind::Release {
        return false;
    }
    match key.code {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => true,
        KeyCode::Char('c') => key.modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "io", format!("can't use the terminal: {error}"))
        .hint("`proglog top --count N`, or one that is piped, prints lines")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_it() {
        let key = |code, modifiers| is_enough(KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE));
        assert!(key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE));
        assert!(!key(KeyCode::Enter, KeyModifiers::NONE));
    }
}
