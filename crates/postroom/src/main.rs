//! `postroom`: the command line of the house.

mod command_line;

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for them, and then of every 2 MiB that hold one long-lived line all count: of a thousand
    // mailboxes that wait two thirds of the memory were zeros. Where it cannot be said, nothing but memory is lost.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    command_line::run()
}
