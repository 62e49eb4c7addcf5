package io.sandpiper.jdbc;

import java.util.List;

/**
 * A frozen copy of an application's database, which clones are made from.
 *
 * @param name the name of the database
 * @param reusable whether its name proves what is in it, so that a later run can use it
 * @param sequences where those of the application's database were when it was copied or found
 * @param settings what belongs to the application's database and is not copied with it
 */
record Template(
    String name,
    boolean reusable,
    Sequences sequences,
    List<Maintenance.DatabaseSetting> settings) {}
