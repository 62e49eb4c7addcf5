package io.sandpiper.example;

import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a client submits.
 *
 * @param name the client's own name for it, unique, or null
 * @param texts what to score; whether a text makes sense is the worker's to judge
 */
record NewBatch(
    @Size(min = 1, max = 100) @Nullable String name,
    @NotEmpty @Size(max = 1000) List<@NotNull @Size(max = 10_000) String> texts) {}
