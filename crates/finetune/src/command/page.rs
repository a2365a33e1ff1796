//! A window into a model: as a page on this machine, or as a file (chapter 5.7).

use super::{
    options::{Inspect, Serve},
    prepare,
};
use crate::serve::{
    self, figure,
    look::look,
    model_thread::{Computation, Loaded},
    page,
};
use anyhow::{Context, Result, ensure};
use model::{fast::path::CodePath, format::safetensors::replace};
use std::fs;
use tch::Device;
use train::run::{newest::Maker, terminal::say, weights};

/// Serves the page until Ctrl-C.
pub fn serve(options: &Serve) -> Result<()> {
    let device = prepare(&options.common)?;
    let loaded = load(options.weights.as_deref(), device, options.common.path)?;
    let how = Computation {
        device,
        threads: tch::get_num_threads(),
        dtype: options.dtype,
        path: options.common.path,
    };
    let host = options.host.as_deref();
    if let Some(host) = host {
        say(&format!(
            "note            at {host}, whoever reaches this address can have the model write, and sees the names and curves of your runs"
        ));
    }
    serve::serve(loaded, how, host, options.port, |address| {
        if address.port() != options.port && options.port != 0 {
            say(&format!("note            port {} is taken", options.port));
        }
        println!("page        http://{address}/ (Ctrl-C ends it)");
        println!("OpenAI      http://{address}/v1");
    })
}

/// Writes what the page shows of a text as a file, or a part of it as a figure.
pub fn inspect(options: &Inspect) -> Result<()> {
    let device = prepare(&options.common)?;
    let out = &options.out;
    ensure!(
        options.force || !out.exists(),
        "{} is there already; choose another --out, or say --force",
        out.display()
    );
    let loaded = load(options.weights.as_deref(), device, options.common.path)?;
    let ids = loaded.encode(&options.prompt);
    let page = match options.head {
        Some((block, head)) => figure::head(&loaded, &ids, block, head)?,
        None if options.lens => figure::lens(&loaded, &ids)?,
        None => whole_page(&loaded, &ids)?,
    };
    replace(out, |temporary| fs::write(temporary, page).context("no room for it"))?;
    println!("wrote       {}", out.display());
    Ok(())
}

fn whole_page(loaded: &Loaded, ids: &[i64]) -> Result<String> {
    let seen = look(loaded, ids)?;
    let left_out = seen["left_out"].as_u64().unwrap_or(0);
    if left_out > 0 {
        say(&format!(
            "note            the first {left_out} tokens of the text are left out: the others are as many as can be looked at"
        ));
    }
    Ok(page::alone(&seen))
}

fn load(name: Option<&str>, device: Device, path: Option<CodePath>) -> Result<Loaded> {
    Loaded::new(&weights::named_or_newest(name, Some(Maker::Finetune)), device, path)
}
