"""Invented people: common given and family names, combined at random; streets that no map shows.

No two names are within one edit of each other, and none is the short form of another: nobody is matched by chance.
"""

_FEMALE = """
    Abigail Adriana Agnes Alexandra Beatrice Bianca Brenda Bridget Camille Carmen Cecilia Charlotte Claudia
    Daphne Deborah Dolores Eleanor Esperanza Estelle Florence Francesca Genevieve Georgia Gwendolyn Harriet
    Hildegard Imogen Ingrid Isabella Jacqueline Josephine Judith Katherine Kimberly Lavinia Leticia Lucinda
    Magdalena Margaret Matilda Meredith Miriam Natalia Nicolette Octavia Ophelia Paloma Patricia Penelope
    Phyllis Priscilla Rebecca Rosalind Sabrina Samantha Seraphina Shirley Stephanie Susannah Tabitha Theodora
    Ursula Valentina Veronica Victoria Vivian Wilhelmina Winifred Xiomara Yolanda Zipporah
"""
_MALE = """
    Abraham Adalberto Alistair Ambrose Augustus Barnaby Benedict Bertrand Calvin Cedric Chester Clarence
    Cornelius Cuthbert Demetrius Desmond Dominic Edmund Eduardo Emmanuel Ezekiel Ferdinand Fitzgerald Forrest
    Franklin Gilbert Gregory Gustavo Hamilton Harrison Hector Horatio Humphrey Ignatius Isidoro Jeremiah
    Jonathan Joaquin Kenneth Lancelot Leopold Lysander Malcolm Marcellus Maximilian Montgomery Nathaniel
    Nicodemus Obadiah Orlando Percival Philip Quentin Raymond Reginald Roderick Salvador Sebastian Sheldon
    Solomon Sylvester Thaddeus Theobald Timothy Tobias Ulysses Vincent Wallace Winthrop Xavier Zachariah
"""
_FAMILY = """
    Abernathy Ackerman Aldridge Appleton Arbuckle Ashdown Atherton Bainbridge Balderston Barrowman Beauchamp
    Bellweather Blackwood Boothroyd Bracknell Brightwater Brockhurst Calloway Cardwell Castellanos Chamberlain
    Claymore Cobblestone Copperfield Cranberry Crosswhite Cunningham Darlington Davenport Delacruz Dimsdale
    Drinkwater Duckworth Eastbrook Eberhardt Ellsworth Emberly Etheridge Fairweather Farnsworth Featherstone
    Fernandes Finchley Fothergill Foxglove Gainsborough Gallagher Garrison Glendenning Goldsmith Grandison
    Greenhalgh Grimshaw Guadarrama Halloran Hargreaves Hathaway Hawthorne Heatherton Hightower Hollingsworth
    Huckaby Inglewood Ironside Jacaranda Jellicoe Jimenez Johannsen Kensington Kilpatrick Kingfisher Kirkbride
    Knightley Kowalczyk Lancaster Langstaff Larkspur Leatherwood Lightfoot Lindqvist Lockridge Longfellow Loxley
    Maplethorpe Marchbanks Marigold Mayweather Merriweather Middlebrook Molyneux Montenegro Moonstone Nakagawa
    Netherfield Nightingale Northcott Oakenfold Oglethorpe Okonkwo Osterberg Overbrook Padgett Palmerston
    Pankhurst Partridge Pemberton Pennyfeather Pickering Plumtree Postlethwaite Quarterman Quicksilver Radcliffe
    Ravenscroft Redfern Rockwell Rosenthal Rutherford Saavedra Sandoval Satterfield Scattergood Seabrook
    Shackleton Silverthorn Skywalter Snowden Southgate Stonebridge Summerfield Swanson Tannenbaum Thackeray
    Thistlewood Thornbury Threadgold Tidewater Turnbull Underhill Upchurch Valderrama Vandermeer Villanueva
    Waddington Wainwright Waterhouse Weatherby Wellington Westergaard Whitaker Wickersham Wigglesworth
    Windermere Winterbourne Woodhouse Wolverton Yarborough Yellowley Zimmerman Zubizarreta
"""

FEMALE = tuple(_FEMALE.split())
MALE = tuple(_MALE.split())
FAMILY = tuple(_FAMILY.split())
STREETS = (
    "Thimble Lane",
    "Copper Kettle Road",
    "Larkfeather Street",
    "Old Windlass Avenue",
    "Quillback Court",
    "Marble Otter Drive",
    "Sunday Orchard Way",
    "Tin Lantern Street",
)
_AREA_CODES = "402 308 531 303 719 720 970 983 319 515 563 641 712 316 620 785 913 307 605 314 417 573 636 660 816 701"
AREA_CODES = tuple(_AREA_CODES.split())
"""Each has a hundred numbers 555-01xx, which are set aside for invented people."""
