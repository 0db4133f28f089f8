-- MySQL dump 10.13  Distrib 5.7.44, for Linux (x86_64)
--
-- Host: localhost    Database: androidpn
-- ------------------------------------------------------
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Table structure for table `apn_user`
--

DROP TABLE IF EXISTS `apn_user`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `apn_user` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_date` datetime DEFAULT NULL,
  `email` varchar(64) DEFAULT NULL,
  `name` varchar(64) DEFAULT NULL,
  `password` varchar(64) DEFAULT NULL,
  `updated_date` datetime DEFAULT NULL,
  `username` varchar(64) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `username` (`username`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `apn_user`
--
LOCK TABLES `apn_user` WRITE;
/*!40000 ALTER TABLE `apn_user` DISABLE KEYS */;
INSERT INTO `apn_user` VALUES (1,'2012-04-13 16:28:36',NULL,NULL,'d9fdfe931f104e61887656a49ca9b0e4',NULL,'82e4c4dffc394761b1af1230803969ed'),(2,'2013-01-02 03:04:05','b@example.com','B','it\'s \"a\" \\ 你好 😀; (x),(y)',NULL,'bob'),(3,'0000-00-00 00:00:00',NULL,NULL,'secret',NULL,'Carol');
/*!40000 ALTER TABLE `apn_user` ENABLE KEYS */;
UNLOCK TABLES;
-- Dump completed on 2016-01-02  3:04:05
