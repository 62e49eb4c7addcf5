package io.sandpiper.jdbc.frameworks;

import jakarta.persistence.CascadeType;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OrderBy;
import jakarta.persistence.SequenceGenerator;
import jakarta.persistence.Version;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The entities of JPA. */
final class Entities {

  private Entities() {}

  @Entity(name = "Name")
  static class Name {

    @Id
    @GeneratedValue
    @SequenceGenerator(sequenceName = "name_seq", allocationSize = 50)
    private @Nullable Long id;

    @Column(unique = true, nullable = false)
    private String name = "";

    protected Name() {}

    Name(String name) {
      this.name = name;
    }

    Long id() {
      return Objects.requireNonNull(id);
    }

    String name() {
      return name;
    }

    void rename(String newName) {
      name = newName;
    }
  }

  @Entity(name = "Author")
  static class Author {

    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    private @Nullable Long id;

    private String name = "";

    private int counted;

    @Version private int version;

    @OneToMany(cascade = CascadeType.ALL, orphanRemoval = true)
    @JoinColumn(name = "author")
    @OrderBy("id")
    private List<Book> books = new ArrayList<>();

    protected Author() {}

    Author(String name, String... titles) {
      this.name = name;
      for (String title : titles) {
        write(title);
      }
    }

    Long id() {
      return Objects.requireNonNull(id);
    }

    String name() {
      return name;
    }

    int counted() {
      return counted;
    }

    int version() {
      return version;
    }

    List<String> books() {
      return books.stream().map(book -> book.title).toList();
    }

    Author rename(String newName) {
      name = newName;
      return this;
    }

    void count() {
      counted++;
    }

    void write(String title) {
      Book book = new Book();
      book.title = title;
      books.add(book);
    }
  }

  @Entity(name = "Book")
  static class Book {

    @Id @GeneratedValue private @Nullable Long id;

    private String title = "";

    Long id() {
      return Objects.requireNonNull(id);
    }
  }

  /** An entity whose id comes from somewhere. */
  interface Generated {
    @Nullable Object value();
  }

  @Entity(name = "ByIdentity")
  static class ByIdentity implements Generated {

    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    private @Nullable Long id;

    @Override
    public @Nullable Object value() {
      return id;
    }
  }

  @Entity(name = "BySequence")
  static class BySequence implements Generated {

    @Id
    @GeneratedValue(strategy = GenerationType.SEQUENCE)
    private @Nullable Long id;

    @Override
    public @Nullable Object value() {
      return id;
    }
  }

  @Entity(name = "ByUuid")
  static class ByUuid implements Generated {

    @Id
    @GeneratedValue(strategy = GenerationType.UUID)
    private @Nullable UUID id;

    @Override
    public @Nullable Object value() {
      return id;
    }
  }
}
