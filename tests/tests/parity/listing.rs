//! Every name that ARCHITECTURE lists of the drop-in, used by its tokio path. That this compiles in
//! both worlds is the test; `tests/tests/house/listing.rs` compares the names with ARCHITECTURE.

macro_rules! are_there {
    ($($path:path),+ $(,)?) => {
        $(
            const _: () = {
                #[expect(unused_imports, reason = "that it can be imported is what is asked")]
                use $path as _;
            };
        )+
    };
}

are_there! {
    tokio::join, tokio::try_join, tokio::select, tokio::pin, tokio::task_local, tokio::main,
    tokio::test, tokio::spawn,
    tokio::sync::Mutex, tokio::sync::RwLock, tokio::sync::Semaphore, tokio::sync::Notify,
    tokio::sync::Barrier, tokio::sync::OnceCell, tokio::sync::SetOnce, tokio::sync::mpsc,
    tokio::sync::oneshot, tokio::sync::broadcast, tokio::sync::watch,
    tokio::io::BufReader, tokio::io::BufWriter, tokio::io::BufStream, tokio::io::copy,
    tokio::io::copy_buf, tokio::io::copy_bidirectional, tokio::io::split, tokio::io::join,
    tokio::io::duplex, tokio::io::simplex, tokio::io::empty, tokio::io::repeat, tokio::io::sink,
    tokio::io::stdin, tokio::io::stdout, tokio::io::stderr,
    tokio::io::AsyncRead, tokio::io::AsyncReadExt, tokio::io::AsyncWrite,
    tokio::io::AsyncWriteExt, tokio::io::AsyncBufRead, tokio::io::AsyncBufReadExt,
    tokio::io::AsyncSeek, tokio::io::AsyncSeekExt, tokio::io::Interest, tokio::io::Ready,
    tokio::time::Instant, tokio::time::Duration, tokio::time::sleep, tokio::time::sleep_until,
    tokio::time::Sleep, tokio::time::timeout, tokio::time::timeout_at, tokio::time::Timeout,
    tokio::time::interval, tokio::time::interval_at, tokio::time::Interval,
    tokio::time::MissedTickBehavior, tokio::time::error::Elapsed,
    tokio::task::LocalKey, tokio::task::unconstrained, tokio::task::futures, tokio::task::spawn,
    tokio::task::spawn_local, tokio::task::spawn_blocking, tokio::task::block_in_place,
    tokio::task::yield_now, tokio::task::JoinHandle, tokio::task::JoinError, tokio::task::JoinSet,
    tokio::task::AbortHandle, tokio::task::LocalSet, tokio::task::Id, tokio::task::id,
    tokio::task::try_id,
    tokio::net::TcpListener, tokio::net::TcpSocket, tokio::net::TcpStream,
    tokio::net::UdpSocket, tokio::net::ToSocketAddrs, tokio::net::lookup_host, tokio::net::tcp::ReadHalf,
    tokio::net::tcp::WriteHalf, tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf,
    tokio::net::tcp::ReuniteError,
    tokio::fs::File, tokio::fs::OpenOptions, tokio::fs::read, tokio::fs::read_to_string,
    tokio::fs::write, tokio::fs::rename, tokio::fs::remove_file, tokio::fs::create_dir_all,
    tokio::fs::remove_dir_all, tokio::fs::try_exists, tokio::fs::metadata, tokio::fs::read_dir,
    tokio::fs::ReadDir, tokio::fs::DirEntry, tokio::fs::create_dir, tokio::fs::remove_dir,
    tokio::fs::copy, tokio::fs::canonicalize, tokio::fs::hard_link,
    tokio::signal::ctrl_c, tokio::signal::unix::signal, tokio::signal::unix::Signal,
    tokio::signal::unix::SignalKind,
    tokio::runtime::Builder, tokio::runtime::Runtime, tokio::runtime::Handle,
    tokio::runtime::TryCurrentError,
}
