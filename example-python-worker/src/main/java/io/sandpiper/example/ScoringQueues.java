package io.sandpiper.example;

import org.springframework.boot.context.properties.ConfigurationProperties;

/** The names of the queues that this service and the worker share. */
@ConfigurationProperties("scoring.queues")
record ScoringQueues(String requests, String results, String failures) {}
