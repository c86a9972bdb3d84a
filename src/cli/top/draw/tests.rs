//! What the screen says, at sizes of all kinds.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::super::sample::Health;
use super::super::view::testing::{of_directory, of_server, view_of};
use super::*;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

const NO_COLOR: Palette = Palette { has_colors: false };

fn drawn(view: &View, width: u16, height: u16, palette: Palette) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(frame, view, palette)).expect("drawn");
    terminal.backend().buffer().clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width).max(1);
    let symbols = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
    let rows = buffer.content.chunks(width).map(symbols);
    rows.map(|row: String| row.trim_end().to_owned()).collect()
}

fn text(view: &View) -> String {
    rows(&drawn(view, 80, 24, NO_COLOR)).join("\n")
}

#[test]
fn a_server_shows_all_there_is() {
    let text = text(&view_of(of_server()));
    for row in [
        "proglog top  server log.example:8080 (HTTP)  every 1s, ",
        "ready",
        "offsets     lowest 10, next 1,235,067, committed 1,234,567",
        "log         3 segments, 5.0 MiB",
        " 42 % used, 7.0 GiB free; appends stop at 95 %",
        "connections HTTP 1, gRPC 2",
        "  append        500 µs      990 µs",
        "  fsync              -           -",
        "appends     500 records/s, 1.0 MiB/s",
        "reads       0 records/s, 0 B/s",
        "█",
    ] {
        assert!(text.contains(row), "{row:?} isn't in\n{text}");
    }
}

#[test]
fn a_directory_shows_no_latencies() {
    let text = text(&view_of(of_directory()));
    assert!(text.contains("appends     500 records/s"), "{text}");
    for row in ["latency", "reads", "connections", "committed"] {
        assert!(!text.contains(row), "{row:?} is in\n{text}");
    }
}

#[test]
fn why_appends_are_refused_stands_at_the_top() {
    let mut sample = of_server();
    sample.health = Health::of_server(Some("the disk is nearly full".to_owned()));
    let view = view_of(sample);
    assert_eq!(rows(&drawn(&view, 80, 24, NO_COLOR))[1], "READ-ONLY  the disk is nearly full");
}

#[test]
fn a_server_that_is_gone_is_shown_with_what_was_seen_last() {
    let mut view = view_of(of_server());
    view.take(Err(Failure::new(Exit::Failed, "unavailable", "can't reach it")));
    let text = text(&view);
    assert!(text.contains("UNKNOWN  can't reach it"), "{text}");
    assert!(text.contains("next 1,235,067"), "{text}");
    assert!(text.contains("appends     - records/s"), "{text}");
}

#[test]
fn a_small_terminal_shows_what_comes_first() {
    let rows = rows(&drawn(&view_of(of_server()), 40, 10, NO_COLOR));
    assert!(rows[0].starts_with("proglog top  server"), "{rows:?}");
    assert!(rows[3].starts_with("offsets     lowest 10"), "{rows:?}");
    assert!(rows[9].starts_with("  append"), "{rows:?}");
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for view in [view_of(of_server()), view_of(of_directory())] {
        for (width, height) in
            (0..30).flat_map(|height| [0, 1, 11, 13, 33, 79, 300].map(|width| (width, height)))
        {
            let buffer = drawn(&view, width, height, Palette { has_colors: true });
            assert_eq!((buffer.area.width, buffer.area.height), (width, height));
        }
    }
}

#[test]
fn without_colors_there_are_none() {
    let has_colors = |has_colors| {
        let buffer = drawn(&view_of(of_server()), 80, 24, Palette { has_colors });
        buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(has_colors(true));
    assert!(!has_colors(false));
}
