//! A server that refuses, as an administrator meets it: the program says why, and what to do next.
//!
//! What passes through: commands of the program against a PostgreSQL of the story's own, whose users may less than they
//! should.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use testkit::missing::or_skip;
use testkit::peers::{Postgres, PostgresAccess, PostgresSettings};
use testkit::program;

fn server() -> Result<Postgres> {
    let access = PostgresAccess::Password("paper");
    let postgres =
        Postgres::start(PostgresSettings { is_synced: false, access, ..PostgresSettings::default() })?;
    postgres.ask("create role owner superuser login password 'paper'")?;
    Ok(postgres)
}

/// A command of a house in this folder whose rows are at a server.
fn at(folder: &Path, url: &str) -> Result<Command> {
    let mut command = program::command(folder)?;
    command.env("POSTROOM_DATABASE_URL", url).env("POSTROOM_DATABASE_SCHEMA", "house");
    Ok(command)
}

fn done(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    anyhow::ensure!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8(stdout)?)
}

#[test]
fn why_a_server_refuses_is_said_with_the_next_step() {
    or_skip(|| {
        let postgres = server()?;
        let folder = tempfile::tempdir()?;
        for role in ["visitor login", "barred nologin", "crowded login connection limit 0"] {
            postgres.ask(&format!("create role {role} password 'paper'"))?;
        }
        let database = postgres.ask("select current_database()")?;
        let refusals = [
            (
                "owner:ink",
                &*database,
                2,
                "does not accept the user or the password: look at the database URL",
            ),
            (
                "nobody:paper",
                &database,
                2,
                "does not accept the user or the password: look at the database URL",
            ),
            ("barred:paper", &database, 2, "whether it may log in (alter role … login)"),
            ("owner:paper", "nothing", 2, "no database of that name: create it"),
            ("visitor:paper", &database, 2, "it needs CREATE on the database"),
            ("crowded:paper", &database, 1, "no connection left: lower database.connections_max"),
        ];
        for (user, database, code, words) in refusals {
            let url = format!("postgres://{user}@{}/{database}", postgres.address());
            for command in ["serve", "node check"] {
                let said = at(folder.path(), &url)?.args(command.split(' ')).output()?;
                let (out, err) =
                    (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
                let all = format!("{out}{err}");
                let expected = if command == "serve" { code } else { 1 };
                let is_told =
                    all.contains(words) || command == "node check" && all.contains("grant create on");
                assert!(said.status.code() == Some(expected) && is_told, "{user} {command}: {said:?}");
                assert!(!all.contains("paper") && !all.contains("ink"), "a password is told: {all}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_house_does_not_move_to_its_own_database_by_another_name() {
    or_skip(|| {
        let postgres = server()?;
        let folder = tempfile::tempdir()?;
        let database = postgres.ask("select current_database()")?;
        let port = postgres.address().port();
        let url = format!("postgres://owner:paper@127.0.0.1:{port}/{database}");
        // Another host's name and another user, and the same rows.
        let alias = postgres.url().replace("127.0.0.1", "localhost");
        assert!(alias.contains("localhost") && !alias.contains("owner"), "{alias}");
        done(at(folder.path(), &url)?.args(["org", "add", "contoso"]))?;
        let there = |schema: &str| -> Result<_> {
            let file = folder.path().join(format!("{schema}.toml"));
            let data = folder.path().join(schema);
            fs::write(&file, format!("data = {data:?}\n[database]\nurl = {alias:?}\nschema = {schema:?}\n"))?;
            Ok(file)
        };
        let go = |schema: &str| -> Result<Command> {
            let mut go = at(folder.path(), &url)?;
            go.args(["move", "--org", "contoso", "--to"]).arg(there(schema)?);
            Ok(go)
        };
        let refused = go("house")?.output()?;
        let words = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{words}");
        assert!(words.contains("names the database of this very house"), "{words}");
        assert!(done(at(folder.path(), &url)?.args(["org", "list"]))?.contains("contoso"));
        // Another schema there is another house.
        assert!(done(&mut go("other")?)?.contains("contoso: 0 e-mails moved"));
        Ok(())
    });
}

#[test]
fn what_moves_stays_closed_while_the_other_house_restores() {
    or_skip(|| {
        let postgres = server()?;
        let folder = tempfile::tempdir()?;
        let database = postgres.ask("select current_database()")?;
        let url = format!("postgres://owner:paper@{}/{database}", postgres.address());
        let (file, data) = (folder.path().join("there.toml"), folder.path().join("there"));
        fs::write(&file, format!("data = {data:?}\n[database]\nurl = {url:?}\nschema = \"there\"\n"))?;
        let here = |words: &[&str]| -> Result<Command> {
            let mut command = at(folder.path(), &url)?;
            command.args(words);
            Ok(command)
        };
        let other_folder = tempfile::tempdir()?;
        let there = |words: &[&str]| -> Result<Command> {
            let mut command = at(other_folder.path(), &url)?;
            command.env("POSTROOM_DATABASE_SCHEMA", "there").args(words);
            Ok(command)
        };
        done(&mut here(&["org", "add", "contoso"])?)?;
        done(&mut here(&["sink", "add", "--org", "contoso", "crm@sink.test"])?)?;
        done(&mut there(&["org", "add", "other"])?)?;
        done(&mut there(&["sink", "add", "--org", "other", "crm@sink.test"])?)?;
        let refused = || -> Result<String> {
            let said = here(&["move", "--org", "contoso", "--to"])?.arg(&file).output()?;
            assert!(!said.status.success(), "{said:?}");
            Ok(String::from_utf8(said.stderr)?)
        };
        // Whoever restores there has named nothing yet.
        postgres.ask(
            "insert into there.lease (name, owner, leaseuntil, number)
             values ('restore/x', '\\x00', 99999999999999, 1)",
        )?;
        let words = refused()?;
        assert!(words.contains("contoso stays closed: the other house restores"), "{words}");
        postgres.ask("delete from there.lease")?;
        let words = refused()?;
        assert!(words.contains("lead to other organizations already: crm@sink.test"), "{words}");
        assert!(words.contains("contoso stays here and is open again"), "{words}");
        Ok(())
    });
}
