"""What cape_farm says of bad input, and that nothing is lost by it."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest
from unittest import mock

import support
from support import CONFIG, FarmTest, write_idx, write_mnist


class Configuration(FarmTest):
    def refuse(self, text, *says):
        config = self.write_config(text, "bad.yaml")
        printed = self.farm(code=2, says=says, config=config)
        self.assertFalse(self.out.exists(), "nothing was to be made")
        return printed

    def change(self, old, new):
        self.assertIn(old, CONFIG)
        return CONFIG.replace(old, new)

    def test_a_misspelt_key_has_its_place_and_what_was_meant(self):
        self.refuse(self.change("learning_rate:", "learning_rte:"),
                    "bad.yaml:6:3", "learning_rte", "learning_rate")

    def test_a_duplicate_key_is_refused(self):
        self.refuse(self.change("  trials: 5\n", "  trials: 5\n  trials: 6\n"),
                    "bad.yaml:10:3", "trials")

    def test_a_wrong_type_is_refused_with_what_was_found(self):
        self.refuse(self.change("trials: 5", "trials: many"),
                    "bad.yaml:9:3", "grid.trials", "many")

    def test_an_empty_axis_is_refused(self):
        self.refuse(self.change("[1e-3, 2e-3]", "[]"),
                    "bad.yaml:6:3", "grid.learning_rate")

    def test_an_epsilon_outside_0_1_is_refused(self):
        for epsilon in ["0", "1", "-0.1", "1.5", ".nan"]:
            self.refuse(self.change("[0.1, 0.2, 0.3]", f"[0.1, {epsilon}]"),
                        "bad.yaml:8:18", "grid.epsilon[1]")

    def test_a_batch_larger_than_its_data_set_is_refused(self):
        self.refuse(self.change("[16, 32]", "[16, 256]"),
                    "bad.yaml:7:20", "256", "mnist", "200")

    def test_all_problems_are_reported_at_once(self):
        text = self.change("trials: 5", "trials: many")
        self.refuse(text.replace("max_steps: 400", "max_stps: 4"),
                    "bad.yaml:9:3", "max_stps", "max_steps")

    def test_a_bad_override_is_refused(self):
        self.farm("grid.trails=2", code=2, says=["grid.trails", "trials"])

    def test_no_configuration_is_refused(self):
        self.farm(config=self.folder / "none.yaml", code=2,
                  says=["none.yaml", "No such file"])

    def test_wrong_options_are_refused(self):
        for option in [("--shard", "3/3"), ("--shard", "x"),
                       ("--time-limit", "soon"), ("--time-limit", "0"),
                       ("--device", "tpu"), ("--nonsense",)]:
            self.farm(*option, code=2, says=option[0].lstrip("-"))
        self.assertFalse(self.out.exists())

    def test_tasks_of_slurm_that_do_not_know_of_each_other_are_refused(self):
        with mock.patch.dict(os.environ, SLURM_STEP_NUM_TASKS="2"):
            self.farm(code=2, says=["srun started 2 tasks", "--mpi=pmix"])
            self.assertFalse(self.out.exists())
            # With a part for each they are what was meant.
            self.farm("--shard", "0/2")

    def test_it_is_refused_under_mpirun_too(self):
        self.farm("grid.trails=2", ranks=2, code=2, says="grid.trails")


class DataSets(FarmTest):
    def refuse(self, *says):
        return self.farm(code=2, says=says)

    def test_one_that_is_missing_names_every_path_tried(self):
        self.data = self.folder / "empty"
        self.data.mkdir()
        printed = self.refuse("small.yaml:5:14", "'mnist' was not found",
                              f"{self.data}/MNIST/raw: no such folder",
                              f"{self.data}/mnist: no such folder",
                              "/usr/share/datasets/mnist: no such folder",
                              "--data-dir")
        self.assertGreaterEqual(printed.count("no such folder"), 4)

    def test_one_without_its_labels_says_what_it_lacks(self):
        (self.data / "mnist/train-labels-idx1-ubyte").unlink()
        self.refuse("lacks train-labels-idx1-ubyte[.gz]")

    def test_a_truncated_gz_is_refused(self):
        self.data = self.folder / "truncated"
        write_mnist(self.data / "mnist", suffix=".gz")
        images = self.data / "mnist/train-images-idx3-ubyte.gz"
        images.write_bytes(images.read_bytes()[:-100])
        self.refuse(str(images), "truncated")

    def test_a_file_of_another_format_is_refused(self):
        images = self.data / "mnist/train-images-idx3-ubyte"
        images.write_bytes(b"\x89PNG" + images.read_bytes()[4:])
        self.refuse(str(images), "not an IDX file", "0x89504e47")

    def test_labels_of_another_number_are_refused(self):
        write_idx(self.data / "mnist/train-labels-idx1-ubyte", (199,),
                  bytes(199))
        self.refuse("199 labels, but 200 images")

    def test_listing_names_what_cannot_be_used(self):
        (self.data / "mnist/train-labels-idx1-ubyte").unlink()
        self.farm("--list-datasets", code=0,
                  says=[f"looked in {self.data}", "mnist", "not usable"])

    def test_listing_a_configuration_shows_its_own_data_too(self):
        write_idx(self.folder / "x.idx", (20, 4, 4),
                  list(range(160)) * 2)
        write_idx(self.folder / "y.idx", (20,), [0, 4] * 10)
        mine = "{name: mine, x: x.idx, y: y.idx%s}"
        config = self.write_config(CONFIG.replace("[mnist]", ", ".join([
            "[mnist", mine % "", mine % ", variant: {noise: 0.1}",
            "{name: other, x: x.idx, y: none.idx}]"])))
        printed = self.farm("--list-datasets", config=config, code=0, says=[
            "mnist            200 samples, 10 classes, in ",
            "mine             20 samples, 2 classes, classification, in "
            f"{self.folder}/x.idx (",
            "labels 0 and 4 became classes 0 to 1",
            f"other            not usable: cannot read {self.folder}/none.idx"])
        self.assertEqual(printed.count("mine"), 1)


class OwnData(FarmTest):
    """Own data that cannot be used, and data that only look strange."""

    def plan(self, keys, code=2, says=(), labels=(0, 1) * 100, images=()):
        write_idx(self.folder / "x.idx", *(images or ((200, 2, 2), bytes(800))))
        write_idx(self.folder / "y.idx", (len(labels),), bytes(labels))
        text = CONFIG.replace("[mnist]", "[{name: mine, %s}]" % keys)
        self.assertNotEqual(text, CONFIG)
        return self.farm("--plan", config=self.write_config(text, "own.yaml"),
                         code=code, says=says)

    def test_a_variable_that_is_not_set_is_named(self):
        self.plan("x: $NO_SUCH_VARIABLE/x.idx, y: y.idx", says=[
            "own.yaml:5:", "'$NO_SUCH_VARIABLE/x.idx'",
            "variable NO_SUCH_VARIABLE, which is not set"])
        self.farm("--plan", "--out", "${NO_SUCH_VARIABLE}/out", code=2,
                  says="NO_SUCH_VARIABLE")
        with mock.patch.dict(os.environ, CAPE_DATA="$NO_SUCH_VARIABLE"):
            done = subprocess.run(
                [support.BIN / "cape_farm", self.config, "--plan"],
                env=self.environment() | {"CAPE_DATA": "$NO_SUCH_VARIABLE"},
                capture_output=True, text=True)
            self.expect(done.returncode, done.stdout + done.stderr, 2,
                        "NO_SUCH_VARIABLE")

    def test_paths_begin_at_home_or_at_a_variable(self):
        environment = {"HOME": str(self.folder), "MINE": str(self.folder)}
        with mock.patch.dict(os.environ, environment):
            self.plan("x: ~/x.idx, y: $MINE/y.idx", code=0)
            self.data = pathlib.Path("~") / self.data.relative_to(self.folder)
            self.farm("--plan", code=0)

    def test_channels_that_come_last_are_noticed(self):
        images = ((200, 5, 5, 3), bytes(200 * 75))
        self.plan("x: x.idx, y: y.idx", images=images, says=[
            "own.yaml:5:", "x.idx: an array of 200 x 5 x 5 x 3 looks like",
            "layout: nhwc"])
        self.plan("x: x.idx, y: y.idx, layout: nhwc", images=images, code=0)

    def test_labels_that_were_mapped_are_said_once(self):
        printed = self.plan("x: x.idx, y: y.idx", code=0,
                            labels=(3, 7, 9, 7) * 50)
        self.assertEqual(
            printed.count("y.idx: labels 3, 7 and 9 became classes 0 to 2"), 1)

    def test_labels_that_do_not_agree_with_classes_are_refused(self):
        self.plan("x: x.idx, y: y.idx, classes: 5", labels=(3, 7, 9, 7) * 50,
                  says=["labels 3, 7 and 9 (3 different ones)",
                        "classes: is 5"])

    def test_a_file_of_another_format_is_named(self):
        (self.folder / "x.csv").write_text("a;b\n1;2\n")
        self.plan("x: x.csv, y: y.idx",
                  says=["x.csv: a text that begins with 'a;b'", "numpy"])

    def test_files_are_named_in_any_script(self):
        for name in ("数据", "файл с: данными", "n" * 250):
            write_idx(self.folder / name, (200, 2, 2), bytes(800))
            self.plan(f'x: "{name}", y: y.idx', code=0)


class Names(FarmTest):
    """Of files and folders that are not UTF-8: they are named, or they work."""

    def refuse(self, *says, program="cape_farm", arguments=None, cwd=None,
               environment=None):
        done = subprocess.run(
            [support.BIN / program,
             *(arguments or self.command("--plan")[1:])],
            cwd=cwd, env=self.environment() | (environment or {}),
            capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, 2,
                    ["is not UTF-8", *says])

    def setUp(self):
        super().setUp()
        self.strange = self.folder / "zo\udceb"  # a byte of Latin-1
        self.strange.mkdir()

    def test_arguments_are_refused_by_every_program(self):
        programs = [path.name for path in support.BIN.glob("cape_*")]
        self.assertIn("cape_predict", programs)
        for program in programs:
            self.refuse("argument 2", "zo\\xeb", "symbolic link",
                        program=program, arguments=["--out", self.strange])

    def test_the_working_folder_is_refused_where_paths_begin_with_it(self):
        config = shutil.copy(self.config, self.strange)
        self.refuse("zo\\xeb", cwd=self.strange, arguments=[
            pathlib.Path(config).name, "--data-dir", self.data, "--plan"])

    def test_the_folder_of_data_sets_is_refused(self):
        self.refuse("zo\\xeb", arguments=[self.config, "--plan"],
                    environment={"CAPE_DATA": self.strange})

    def test_a_text_of_the_configuration_is_refused(self):
        config = self.folder / "latin.yaml"
        config.write_bytes(CONFIG.encode() + b'data_dir: "/zo\xeb"\n')
        done = subprocess.run([support.BIN / "cape_farm", config, "--plan"],
                              env=self.environment(), capture_output=True,
                              text=True)
        self.expect(done.returncode, done.stderr, 2,
                    ["latin.yaml:12:11: not UTF-8 (found '/zo\\xeb')"])

    def test_a_shard_is_read_whatever_it_is_called(self):
        self.farm("grid.trials=13")
        shard, *_ = self.shards()
        shard.rename(shard.with_name("zo\udceb.h5"))
        self.farm("grid.trials=13", says="nothing to do")
        model = self.folder / "model"
        done = subprocess.run(
            [support.BIN / "cape_fit", self.out, "--out", model],
            capture_output=True, text=True, errors="backslashreplace")
        self.expect(done.returncode, done.stdout + done.stderr, 0,
                    "zo\\xeb.h5: ")
        inputs = json.loads((model / "cape.json").read_text())["inputs"]
        self.assertIn(f"{self.out}/zo\ufffd.h5",
                      [file["path"] for file in inputs])


class Output(FarmTest):
    def test_a_directory_under_a_file_is_refused(self):
        self.farm(out=self.config / "out", code=2,
                  says=[f"{self.config}/out", "Not a directory", "--out"])

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_a_directory_that_must_not_be_written_to_is_refused(self):
        self.out.mkdir(mode=0o555)
        self.farm(code=2, says=[str(self.out), "Permission denied"])

    def test_a_full_one_stops_the_run_and_loses_nothing(self):
        small = self.folder / "small_disk"
        saved = self.folder / "saved"
        small.mkdir()
        saved.mkdir()
        farm = " ".join(self.command("output.flush_seconds=0",
                                     "output.retry_seconds=0",
                                     "output.rows_per_shard=9", out=small))
        code, printed = self.finish(self.start(self.unshared(f"""
            mount -t tmpfs -o size=100k none {small}
            {farm} && exit 99 || code=$?
            cp {small}/*.h5 {saved}
            test $code = 75 || exit $code
            mount -o remount,size=50m {small}
            {farm}
            cp {small}/*.h5 {self.folder}/data
        """)))
        self.expect(code, printed, 0, "No space left on device")
        self.assertIn("run the same command again", printed)
        self.assertIn("resuming", printed)
        self.assertTrue(self.shards(saved))
        self.csv(saved)  # all of them can be read
        self.expect_same_table(self.folder / "data")

    def recover(self, break_it, mend_it, says):
        """Rows wait in memory while `small` is broken, and nothing is lost."""
        small = self.folder / "small_disk"
        small.mkdir()
        farm = " ".join(self.command("output.flush_seconds=0",
                                     "workers.per_rank=1", out=small))
        code, printed = self.finish(self.start(self.unshared(f"""
            mount -t tmpfs -o size=1m none {small}
            {farm} >{self.folder}/said 2>&1 &
            until ls {small}/*.h5 >/dev/null 2>&1; do sleep 0.01; done
            {break_it.format(small=small)}
            until grep -q 'wait in memory' {self.folder}/said; do
              sleep 0.01
            done
            {mend_it.format(small=small)}
            wait $!
            cp {small}/*.h5 {self.folder}/data
        """), pace=20))
        said = (self.folder / "said").read_text()
        self.expect(code, printed + said, 0, [says, "rows       60 new"])
        self.expect_same_table(self.folder / "data")

    def test_one_that_is_full_for_a_while_loses_nothing(self):
        self.recover("cat /dev/zero >{small}/filling 2>/dev/null || :",
                     "rm {small}/filling", "No space left on device")

    def test_one_that_is_read_only_for_a_while_loses_nothing(self):
        # Over the path, since the mount itself has farm.log open.
        self.recover("mount --bind {small} {small}; "
                     "mount -o remount,bind,ro {small}",
                     "umount {small}", "Read-only file system")

    def test_one_that_is_full_from_the_start_is_named(self):
        for ranks in (None, 2) if support.MPIRUN else (None,):
            farm = " ".join(self.command(ranks=ranks))
            self.out.mkdir(exist_ok=True)
            code, printed = self.finish(self.start(self.unshared(f"""
                mount -t tmpfs -o size=8k none {self.out}
                head -c 8192 /dev/zero >{self.out}/filling
                {farm}
            """)))
            self.expect(code, printed, 75, ["No space left on device",
                                            str(self.out)])

    def test_one_that_another_rank_does_not_see_is_refused(self):
        self.out.mkdir()
        farm = self.command(ranks=1)
        elsewhere = self.unshared(
            f"mount -t tmpfs none {self.out}; exec \"$0\" \"$@\"")
        arguments = farm[farm.index("--oversubscribe") + 1:]
        code, printed = self.finish(self.start(
            [*farm, ":", "-n", "1", *elsewhere, *arguments]))
        self.expect(code, printed, 2,
                    ["rank 1", "does not see", str(self.out), "--out"])

    def test_a_trainer_that_is_missing_is_named(self):
        self.trainer = "no_trainer"
        self.farm(code=2, says=[f"{support.BIN}/no_trainer", "--trainer"])

    def test_a_trainer_that_does_not_start_is_heard(self):
        self.farm(code=2, fake="exit_at_start",
                  says="cannot load its libraries")
        self.farm(code=2, fake="wrong_protocol", says="it is of another build")
        self.farm(code=2, fake="exit_at_start", ranks=2,
                  says="cannot load its libraries")


if __name__ == "__main__":
    support.main()
